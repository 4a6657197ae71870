/**
 * Files of TiKV that are not RocksDB's, so that nobody takes them for damage: the raft log in raft-engine's own format
 * (see format/raft-engine), and files that TiKV has encrypted. Which those are
 * stands in `file.dict`, in the data directory (tikv components/encryption/src/file_dict_file.rs); the key is not on the disk.
 */
import { u32At } from '../bytes/u32.js';
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

/** Bytes by which encrypted ones are told from others; fewer tell nothing. */
const ENOUGH = 96;
/** Bits of entropy a byte that encrypted bytes may have fewer than as many random ones could. */
const SLACK = 0.5;

/** TiKV's dictionary lies with the files or beside their directory, and the files that should say most say nothing. */
export async function isEncrypted(own: readonly InventoryEntry[], read: FileReader): Promise<boolean> {
  const hasDictionary = own.some(({ name }) => name === DICTIONARY) || (await read.liesBeside(DICTIONARY));
  if (!hasDictionary) return false;
  const telling = own.filter(
    ({ kind, name }) => kind === 'manifest' || kind === 'options' || parseRaftLogName(name) !== undefined,
  );
  let encrypted = 0;
  for (const entry of telling) {
    const head = await read.head(entry, SNIFF_BYTES).catch(() => new Uint8Array(0));
    if (head.length < ENOUGH) continue;
    if (sniffFile(head, new Uint8Array(0)) !== undefined || !looksRandom(head)) return false;
    encrypted++;
  }
  return encrypted > 0;
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
