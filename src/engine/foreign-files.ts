/**
 * Files of TiKV that are not RocksDB's, so that nobody takes them for damage: the raft log in raft-engine's own format
 * (see format/raft-engine), and files that TiKV has encrypted. Which those are
 * stands in `file.dict`, in the data directory (tikv components/encryption/src/file_dict_file.rs); the key is not on the disk.
 */
import path from 'node:path';
import { u32At } from '../bytes/u32.js';
import { decodeFileDictionary, encryptedIn, type FileDictionary } from '../format/file-dictionary.js';
import { parseRaftLogName } from '../format/raft-engine/file.js';
import { TITAN_MAGIC } from '../format/titan/blob-file.js';
import type { Inventory, InventoryEntry } from '../io/inventory.js';
import type { FileReader } from '../io/reader.js';
import { SNIFF_BYTES, sniffFile } from './file-type.js';

/** The directory that TiKV gives it, beside the one of RocksDB. */
export const RAFT_ENGINE_DIRECTORY = 'raft-engine';
const DICTIONARY = 'file.dict';

export function isRaftEngine({ entries }: Inventory): boolean {
  return entries.some(({ name, place }) => place === 'database' && parseRaftLogName(name) !== undefined);
}

/**
 * Snapshots of regions that TiKV sends (`gen_REGION_TERM_INDEX…`) or has received (`rev_…`) in `snap`, and tables in `import`
 * (`UUID_REGION_CONFVER_VERSION_FAMILY_2.sst`), by their names (tikv components/raftstore/src/store/snap.rs,
 * components/sst_importer/src/import_file.rs).
 */
const TRANSFERS =
  /^(?:(?:gen|rev)_\d+_\d+_\d+(?:\.meta|_(?:default|lock|write)(?:_\d{4})?\.sst)|[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}_\d+_\d+_\d+(?:_[a-z]+(?:_\d+)?)?\.sst)/;

export function isRegionTransfer(name: string): boolean {
  return TRANSFERS.test(name);
}

/** Where Titan keeps its blob files, in the directory of the database (tikv/titan include/titan/options.h `dirname`). */
export const TITAN_DIRECTORY = 'titandb';

/** Large values lie in blob files of Titan's. */
export function hasTitan({ directories }: Inventory): boolean {
  return directories.includes(TITAN_DIRECTORY);
}

/** Blob files that are looked at: one may be damaged. */
const TITAN_LOOKED_AT = 4;

/** Titan's own directory: it has a CURRENT and a MANIFEST, too, which are not RocksDB's. */
export async function isTitan(own: readonly InventoryEntry[], read: FileReader): Promise<boolean> {
  if (own.some(({ kind }) => kind === 'table' || kind === 'wal')) return false;
  const blobs = own.filter(({ kind }) => kind === 'blob');
  for (const entry of blobs.slice(0, TITAN_LOOKED_AT)) {
    const head = await read.head(entry, 4).catch(() => new Uint8Array(0));
    if (head.length === 4 && u32At(head, 0) === TITAN_MAGIC) return true;
  }
  return false;
}

/** Bytes at the end of a file by which a table is known. */
const TAIL = 8;
/** Bytes by which encrypted ones are told from others; fewer tell nothing. */
const ENOUGH = 96;
/** Bits of entropy a byte that encrypted bytes may have fewer than as many random ones could. */
const SLACK = 0.5;

/** Larger dictionaries are not read whole: 64 MiB. */
const LARGEST_DICTIONARY = 64 << 20;

type TargetFiles = Pick<Inventory, 'entries' | 'target'>;

/** TiKV's dictionary, which lies with the files or beside their directory. */
async function dictionaryOf({ entries }: TargetFiles, read: FileReader): Promise<FileDictionary | undefined> {
  const own = entries.find(({ name, place }) => name === DICTIONARY && place === 'database');
  const bytes =
    own === undefined
      ? await read.beside(DICTIONARY, LARGEST_DICTIONARY)
      : await read.head(own, LARGEST_DICTIONARY).catch(() => undefined);
  return bytes && decodeFileDictionary(bytes);
}

/**
 * Says how files are encrypted where a dictionary is there and the files that should say most say nothing; `undefined` otherwise. The
 * dictionary may be damaged: what it says beyond that is not known.
 */
export async function encryption(files: TargetFiles, read: FileReader): Promise<string | undefined> {
  const dictionary = await dictionaryOf(files, read);
  if (dictionary === undefined) return undefined;
  const own = files.entries.filter(({ place }) => place === 'database');
  const telling = own.filter(
    ({ kind, name }) => kind === 'manifest' || kind === 'options' || parseRaftLogName(name) !== undefined,
  );
  let encrypted = 0;
  for (const entry of telling) {
    const head = await read.head(entry, SNIFF_BYTES).catch(() => new Uint8Array(0));
    if (head.length < ENOUGH) continue;
    if (sniffFile(head, new Uint8Array(0)) !== undefined || !looksRandom(head)) return undefined;
    encrypted++;
  }
  return encrypted > 0 ? encryptionText(dictionary, files.target, own) : undefined;
}

/** Files that are never encrypted: they hold no data. */
const PLAIN_KINDS: ReadonlySet<InventoryEntry['kind']> = new Set([
  'lock',
  'info-log',
  'current',
  'identity',
  'other',
]);
const NAMES_SHOWN = 3;

function encryptionText(dictionary: FileDictionary, target: string, own: readonly InventoryEntry[]): string {
  if (dictionary.error !== undefined) return `file.dict itself is damaged: ${dictionary.error}`;
  const known = encryptedIn(dictionary, path.basename(path.resolve(target)));
  const methods = new Map<string, number>();
  const keys = new Set<bigint>();
  const unnamed: string[] = [];
  for (const { kind, name } of own) {
    if (PLAIN_KINDS.has(kind) && parseRaftLogName(name) === undefined) continue;
    const found = known.get(name);
    if (found === undefined) unnamed.push(name);
    else {
      methods.set(found.method, (methods.get(found.method) ?? 0) + 1);
      keys.add(found.keyId);
    }
  }
  const counts = [...methods].map(([method, count]) => `${count} by ${method}`).join(', ') || 'none';
  const lacking =
    unnamed.slice(0, NAMES_SHOWN).join(', ') + (unnamed.length > NAMES_SHOWN ? ' and more' : '');
  return `of the files here ${counts}, with ${keys.size} ${keys.size === 1 ? 'key' : 'keys'}${unnamed.length > 0 ? `; it has no entry for ${unnamed.length} (${lacking})` : ''}`;
}

/**
 * Files that the dictionary names as encrypted and that look it, with the method, in a directory whose metadata is not: tables of before
 * encryption was turned off. A name may have been used again since, so what is recognised as what its name says is no such file.
 */
export async function encryptedFiles(files: TargetFiles, read: FileReader): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const dictionary = await dictionaryOf(files, read);
  if (dictionary === undefined || dictionary.encrypted.size === 0) return found;
  const known = encryptedIn(dictionary, path.basename(path.resolve(files.target)));
  for (const entry of files.entries) {
    if (entry.kind !== 'table' && entry.kind !== 'wal' && entry.kind !== 'blob') continue;
    const encrypted = known.get(entry.name);
    if (encrypted === undefined) continue;
    const head = await read.head(entry, SNIFF_BYTES).catch(() => new Uint8Array(0));
    const tail = await read.tail(entry, TAIL).catch(() => new Uint8Array(0));
    if (sniffFile(head, tail) === undefined && looksRandom(head)) found.set(entry.file, encrypted.method);
  }
  return found;
}

/** Whether bytes are spread as evenly as random ones. Text, logs and metadata have zeros and repetitions. */
export function looksRandom(bytes: Uint8Array): boolean {
  if (bytes.length < ENOUGH) return false;
  const counts = new Uint32Array(256);
  for (const byte of bytes) counts[byte]++;
  let entropy = 0;
  for (const count of counts)
    if (count > 0) entropy -= (count / bytes.length) * Math.log2(count / bytes.length);
  // so few bytes cannot show all values: what n random bytes show comes near log2(n) from below, and never past 8
  const expected = Math.log2(bytes.length) - Math.log2(1 + bytes.length / 256);
  return entropy > expected - SLACK;
}
