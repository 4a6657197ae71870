import picomatch from 'picomatch';
import type { StoreSettings } from '../../bytes/source.js';
import { objectAddress, parseObjectAddress } from './address.js';
import { Lister } from './listing.js';

/**
 * What a pattern in a bucket names, in the order of the names: prefixes and objects. Each part between slashes is a pattern of its own.
 * One without a pattern in it is itself, whether it is there or not.
 */
export async function expandObjects(pattern: string, store: StoreSettings = {}): Promise<string[]> {
  const address = parseObjectAddress(pattern);
  const parts = address?.key.split('/') ?? [];
  if (address === undefined || !parts.some(isPattern)) return [pattern];
  const lister = new Lister(store, address.bucket, pattern);
  let found = [''];
  for (const [i, part] of parts.entries()) {
    const isLast = i === parts.length - 1;
    const next: string[] = [];
    for (const prefix of found) {
      if (isPattern(part)) next.push(...(await matching(lister, prefix, part, isLast)));
      else if (!isLast || (await lister.isThere(prefix + part))) next.push(prefix + part);
    }
    found = next.map((each) => (isLast ? each : `${each}/`));
  }
  return found.sort().map((key) => objectAddress({ bucket: address.bucket, key }));
}

function isPattern(part: string): boolean {
  return picomatch.scan(part).isGlob;
}

async function matching(lister: Lister, prefix: string, part: string, isLast: boolean): Promise<string[]> {
  const { files, directories } = await lister.level(prefix);
  const names = isLast ? [...directories, ...files.map(({ path }) => path)] : directories;
  return names.filter((name) => picomatch.isMatch(name, part, { dot: true })).map((name) => prefix + name);
}
