/*
 * Titan's own MANIFEST, in titandb/ (tikv/titan src/version_edit.h, edit_collector.h): framed as RocksDB's, each edit a list of
 *
 *   1 next file number varint64 · 10 column family varint32 · 12 deleted file varint64
 *   11, 13, 14 added file: number varint64, size varint64; from 13 on entries varint64, level varint32; in 14 block size varint64;
 *              from 13 on smallest and largest key, with their lengths
 */
import { Cursor } from '../../bytes/cursor.js';
import type { ByteSource } from '../../bytes/source.js';
import { readManifestLog } from '../manifest/log.js';

/** A blob file that a column family has. */
export interface TitanFile {
  number: bigint;
  size: bigint;
  columnFamily: number;
  /** Absent in the oldest form. */
  entries?: bigint;
}

export interface TitanManifest {
  files: Map<bigint, TitanFile>;
  /** What is wrong, in file order; the first {@link MOST} of it. */
  anomalies: { offset: number; length: number; message: string }[];
  /** An edit was lost or refused, or there are more files than are kept. */
  complete: boolean;
}

const MOST = 100;
/** Blob files that are kept; no store has as many. */
const MOST_FILES = 1 << 20;

/** Replays it. Rejects only when the medium fails. */
export async function readTitanManifest(source: ByteSource): Promise<TitanManifest> {
  const manifest: TitanManifest = { files: new Map(), anomalies: [], complete: true };
  const wrong = (offset: number, length: number, message: string) => {
    manifest.complete = false;
    if (manifest.anomalies.length < MOST) manifest.anomalies.push({ offset, length, message });
  };
  let next: bigint | undefined;
  const { state, offset, length, detail } = await readManifestLog(source, {
    record({ payload, offset: at, end }) {
      const edit = decodeEdit(payload);
      if (typeof edit === 'string') {
        wrong(at, end - at, edit);
        return;
      }
      for (const file of edit.added) {
        if (manifest.files.size >= MOST_FILES) manifest.complete = false;
        else manifest.files.set(file.number, file);
      }
      for (const number of edit.deleted) manifest.files.delete(number);
      if (edit.next === undefined) return;
      if (next !== undefined && edit.next < next)
        wrong(at, end - at, `the next file number falls from ${next} to ${edit.next}`);
      next = edit.next;
    },
    damage: ({ offset: at, length: of, message }) => wrong(at, of, message),
    oversized: ({ offset: at, length: of }) => wrong(at, of, 'an edit is larger than any is'),
  });
  if (state !== 'clean' && state !== 'torn') wrong(offset, length, detail);
  if (next === undefined) wrong(0, source.size, 'no edit has the next file number');
  return manifest;
}

interface TitanEdit {
  added: TitanFile[];
  deleted: bigint[];
  next?: bigint;
}

/** Why it cannot be decoded, otherwise. */
function decodeEdit(bytes: Uint8Array): TitanEdit | string {
  const cursor = new Cursor(bytes);
  const edit: TitanEdit = { added: [], deleted: [] };
  let columnFamily = 0;
  while (cursor.remaining > 0) {
    const tag = cursor.varint32();
    if (tag === undefined) return 'a tag is cut off';
    if (tag === 10) {
      const id = cursor.varint32();
      if (id === undefined) return 'the column family is cut off';
      columnFamily = id;
    } else if (tag === 1 || tag === 12) {
      const number = cursor.varint64();
      if (number === undefined) return 'a file number is cut off';
      if (tag === 1) edit.next = number;
      else edit.deleted.push(number);
    } else if (tag === 11 || tag === 13 || tag === 14) {
      const file = addedFile(cursor, tag);
      if (file === undefined) return 'a blob file is cut off';
      edit.added.push(file);
    } else return `tag ${tag} does not exist`;
  }
  for (const file of edit.added) file.columnFamily = columnFamily;
  return edit;
}

function addedFile(cursor: Cursor, tag: number): TitanFile | undefined {
  const number = cursor.varint64();
  const size = cursor.varint64();
  if (number === undefined || size === undefined) return undefined;
  const file: TitanFile = { number, size, columnFamily: 0 };
  if (tag === 11) return file;
  file.entries = cursor.varint64();
  const level = cursor.varint32();
  const blockSize = tag === 14 ? cursor.varint64() : 0n;
  const keys = [cursor.lengthPrefixed(), cursor.lengthPrefixed()];
  return file.entries === undefined ||
    level === undefined ||
    blockSize === undefined ||
    keys.includes(undefined)
    ? undefined
    : file;
}
