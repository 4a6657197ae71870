import { BeyondLimit } from '../../bytes/beyond-limit.js';
import type { StoreSettings } from '../../bytes/source.js';
import { isDatabase } from '../below.js';
import type { Listing, ListingEntry } from '../listing.js';
import { parseObjectAddress } from './address.js';
import { type ObjectStore, storeFor } from './store.js';
import { StoreError } from './store-error.js';

/** Directories of a database or of backups that are listed with all that lies in them. */
const PARTS: ReadonlySet<string> = new Set([
  'archive',
  'lost',
  'meta',
  'private',
  'shared',
  'shared_checksum',
]);

/** Objects that are told apart below one prefix. */
const MOST_OBJECTS = 2_000_000;

/** How deep, and in how many prefixes, databases are looked for where a prefix holds none itself. */
const DEPTH = 3;
const PREFIXES = 500;

/** What an address names: all that lies below it, or one object. */
export type ObjectPlace =
  | { kind: 'directory'; listing: Listing; databasesBelow(): Promise<string[]> }
  | { kind: 'file'; file: ListingEntry };

/** Names right below a prefix. */
interface Level {
  files: ListingEntry[];
  /** Without a slash. */
  directories: string[];
}

/**
 * Lists what an address leads to, as listing a directory would: what lies right there, and all of the parts that a database or a backup
 * directory has. Rejects with a `StoreError`, also where nothing is there.
 */
export async function listObjects(target: string, settings: StoreSettings = {}): Promise<ObjectPlace> {
  const address = parseObjectAddress(target);
  if (address === undefined)
    throw new StoreError('bad-address', target, 'it names no bucket: s3://BUCKET/PREFIX is what is taken');
  const lister = new Lister(settings, address.bucket, target);
  const prefix = address.key === '' ? '' : `${address.key}/`;
  const top = await lister.level(prefix);
  if (top.files.length === 0 && top.directories.length === 0) {
    const file = address.key === '' ? undefined : await lister.object(address.key);
    if (file !== undefined) return { kind: 'file', file };
    throw new StoreError('nothing-there', target, 'no object has this name, and none lies below it');
  }
  const files = [...top.files];
  for (const directory of top.directories.filter((name) => PARTS.has(name)))
    files.push(...(await lister.below(prefix, `${directory}/`)));
  return {
    kind: 'directory',
    listing: {
      target,
      files: new Map(files.map((file) => [file.path, file])),
      directories: top.directories,
      unlistable: [],
    },
    databasesBelow: () => lister.databasesBelow(prefix, top.directories),
  };
}

/** Lists one bucket. */
export class Lister {
  private readonly store: ObjectStore;

  constructor(
    private readonly settings: StoreSettings,
    private readonly bucket: string,
    private readonly target: string,
  ) {
    this.store = storeFor(settings);
  }

  async level(prefix: string): Promise<Level> {
    const level: Level = { files: [], directories: [] };
    for await (const { Contents = [], CommonPrefixes = [] } of this.pages(prefix, '/')) {
      for (const { Prefix = '' } of CommonPrefixes)
        level.directories.push(Prefix.slice(prefix.length).replace(/\/$/, ''));
      for (const each of Contents) this.take(level.files, prefix, each);
    }
    return level;
  }

  /** All objects below `prefix` and `part`, named from `prefix` on. */
  async below(prefix: string, part: string): Promise<ListingEntry[]> {
    const files: ListingEntry[] = [];
    for await (const { Contents = [] } of this.pages(prefix + part))
      for (const each of Contents) this.take(files, prefix, each);
    return files;
  }

  /** Whether an object has this name, or one lies below it. */
  async isThere(key: string): Promise<boolean> {
    const { Contents = [] } = await this.store.list(this.bucket, `${key}/`, { most: 1 });
    return Contents.length > 0 || (await this.object(key)) !== undefined;
  }

  /** The object of exactly that name. */
  async object(key: string): Promise<ListingEntry | undefined> {
    const { Contents = [] } = await this.store.list(this.bucket, key, { most: 1 });
    const found: ListingEntry[] = [];
    const name = key.slice(key.lastIndexOf('/') + 1);
    for (const each of Contents.filter(({ Key }) => Key === key))
      this.take(found, key.slice(0, key.length - name.length), each);
    return found[0];
  }

  /** Prefixes below that hold a database or a backup, by the names in them alone. */
  async databasesBelow(prefix: string, directories: readonly string[]): Promise<string[]> {
    const found: string[] = [];
    let queue = [...directories];
    let left = PREFIXES;
    for (let depth = 1; depth <= DEPTH && queue.length > 0; depth++) {
      const next: string[] = [];
      for (const relative of queue) {
        if (left-- <= 0) return found.sort();
        const { files, directories: below } = await this.level(`${prefix}${relative}/`);
        const names = files.map(({ path }) => path);
        if (isDatabase([...names, ...below])) found.push(relative);
        else next.push(...below.map((name) => `${relative}/${name}`));
      }
      queue = next;
    }
    return found.sort();
  }

  private async *pages(prefix: string, delimiter?: string) {
    let token: string | undefined;
    let objects = 0;
    do {
      const page = await this.store.list(this.bucket, prefix, {
        ...(delimiter !== undefined && { delimiter }),
        ...(token !== undefined && { token }),
      });
      objects += (page.Contents?.length ?? 0) + (page.CommonPrefixes?.length ?? 0);
      if (objects > MOST_OBJECTS)
        throw new BeyondLimit(this.target, `more than ${MOST_OBJECTS} objects lie below it`);
      yield page;
      token = page.IsTruncated ? page.NextContinuationToken : undefined;
    } while (token !== undefined);
  }

  private take(
    files: ListingEntry[],
    prefix: string,
    { Key: key = '', Size: size = 0, ETag: etag, LastModified }: ListedObject,
  ): void {
    const path = key.slice(prefix.length);
    // consoles make an empty object for a directory
    if (path === '' || path.endsWith('/')) return;
    files.push({
      path,
      size,
      mtimeMs: LastModified?.getTime() ?? 0,
      source: {
        kind: 'object',
        store: this.settings,
        bucket: this.bucket,
        key,
        size,
        ...(etag !== undefined && { etag }),
      },
    });
  }
}

interface ListedObject {
  Key?: string | undefined;
  Size?: number | undefined;
  ETag?: string | undefined;
  LastModified?: Date | undefined;
}
