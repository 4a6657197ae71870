import type { SourceDescriptor, StoreSettings } from '../bytes/source.js';
import { isObjectAddress } from './objects/address.js';
import { listObjects } from './objects/listing.js';
import { pathKind } from './path-kind.js';

/** What a name leads to; of a file how it is opened. Rejects with the system's error when it cannot be looked at. */
export async function namedFile(
  name: string | Buffer,
  store?: StoreSettings,
): Promise<{ kind: 'file'; source: SourceDescriptor } | { kind: 'directory' | 'special' }> {
  if (isObjectAddress(name)) {
    const place = await listObjects(name, store);
    return place.kind === 'file' ? { kind: 'file', source: place.file.source } : { kind: 'directory' };
  }
  const kind = await pathKind(name);
  return kind === 'file' ? { kind, source: { kind: 'file', path: name } } : { kind };
}
