/*
 * The index: for each data block a separator key, not below the last key of the block and below the first one of the next,
 * and the block's handle (rocksdb table/block_based/index_builder.cc, table/format.cc IndexValue):
 *
 *   full value    | offset varint64 | size varint64 |                    [ first key of the block, length-prefixed ]
 *   delta value   | size minus the size before it, zigzag varint64 |     [ first key of the block, length-prefixed ]
 *
 * With delta-encoded values (a table property) an entry has a full value exactly when its key shares nothing with the one
 * before; a delta value means the block right after the previous one. Separators are internal keys, or user keys when
 * another property says so; a shortened one carries an impossible sequence. A two-level index has blocks of this kind
 * whose handles point at blocks of this kind.
 */
import type { Anomaly } from '../../finding/finding.js';
import { BlockReader, decodeBlockTail, restartOffset } from './block.js';
import { BlockIndex, type IndexForm } from './block-index.js';
import { BLOCK_TRAILER, NumberReader } from './handle.js';
import { KEY_TRAILER } from './internal-key.js';

export { BlockIndex, type IndexForm } from './block-index.js';

interface IndexReading {
  /** In the space of the index block. */
  anomalies: Anomaly[];
  /** Set when the index was too large to keep. */
  unsupported?: string;
  /**
   * The first restart point lies after the entries: the engine's iterators, which begin there, find the block empty and
   * think nothing of it (rocksdb table/block_based/block.cc, SeekToFirst).
   */
  beginsNowhere: boolean;
}

/** Decodes one index block and adds its entries to `index`. Entries that cannot be read are left out. */
export function decodeIndexBlock(bytes: Uint8Array, index: BlockIndex): IndexReading {
  const before = index.count;
  if (addEntries(bytes, index)) return { anomalies: [], beginsNowhere: false };
  index.truncate(before);
  return explainIndexBlock(bytes, index);
}

/**
 * The fast path: adds all entries of a block that is as it should be, and says whether it is. A table of a gigabyte has a
 * quarter of a million of them, and each thread that takes a part of it reads them all.
 */
function addEntries(bytes: Uint8Array, index: BlockIndex): boolean {
  const tail = decodeBlockTail(bytes);
  if (typeof tail === 'string' || tail.separated || tail.entriesEnd === 0) return false;
  const { deltaEncoded, firstKeys } = index.form;
  const { entriesEnd, restartCount } = tail;
  const reader = new NumberReader(bytes, 0, entriesEnd);
  let keyLength = 0;
  let restart = 0;
  let restartAt = restartOffset(bytes, tail, 0);
  let offset = 0;
  let size = 0;
  if (restartAt !== 0) return false;
  while (reader.position < entriesEnd) {
    const entryAt = reader.position;
    const shared = reader.varint(5);
    const nonShared = reader.varint(5);
    const valueLength = deltaEncoded ? 0 : reader.varint(5);
    if (entryAt >= restartAt) {
      if (entryAt !== restartAt || shared !== 0) return false;
      restart++;
      restartAt = restart < restartCount ? restartOffset(bytes, tail, restart) : Number.POSITIVE_INFINITY;
    }
    const keyAt = reader.position;
    const valueAt = keyAt + nonShared;
    const valueEnd = deltaEncoded ? entriesEnd : valueAt + valueLength;
    if (reader.failed || shared > keyLength || valueAt > entriesEnd || valueEnd > entriesEnd) return false;
    reader.position = valueAt;
    if (deltaEncoded && shared !== 0) {
      offset += size + BLOCK_TRAILER;
      size += reader.zigzag();
    } else {
      offset = reader.varint(10);
      size = reader.varint(10);
    }
    const firstLength = firstKeys ? reader.varint(5) : 0;
    const firstEnd = reader.position + firstLength;
    if (reader.failed || size < 0 || firstEnd > valueEnd) return false;
    if (!index.addShared(shared, bytes, keyAt, valueAt, offset, size)) return false;
    if (firstKeys && !index.addFirstKey(bytes, reader.position, firstEnd)) return false;
    reader.position = deltaEncoded ? firstEnd : valueEnd;
    keyLength = shared + nonShared;
  }
  return restart === restartCount;
}

/** The slow path: the same with every anomaly and its place. */
export function explainIndexBlock(bytes: Uint8Array, index: BlockIndex): IndexReading {
  const { deltaEncoded, firstKeys } = index.form;
  const valueLength = (from: Uint8Array, at: number, end: number, shared: number) => {
    const reader = new NumberReader(from, at, end);
    if (shared === 0) reader.handle();
    else reader.zigzag();
    const firstLength = firstKeys ? reader.varint(5) : 0;
    reader.position += firstLength;
    return reader.failed || reader.position > end ? undefined : reader.position - at;
  };
  const block = new BlockReader(bytes, deltaEncoded ? valueLength : undefined);
  const { tail } = block;
  const beginsNowhere = tail !== undefined && restartOffset(bytes, tail, 0) >= tail.entriesEnd;
  let offset = 0;
  let size = 0;
  for (let entry = block.next(); entry !== undefined; entry = block.next()) {
    const end = entry.valueOffset + entry.valueLength;
    const reader = new NumberReader(bytes, entry.valueOffset, end);
    if (deltaEncoded && entry.shared !== 0) {
      offset += size + BLOCK_TRAILER;
      size += reader.zigzag();
    } else {
      ({ offset, size } = reader.handle());
    }
    const firstLength = firstKeys ? reader.varint(5) : 0;
    const firstEnd = reader.position + firstLength;
    if (reader.failed || size < 0 || firstEnd > end) {
      const message = 'the handle in the entry cannot be decoded';
      block.anomalies.push({ rule: 'sst/bad-handle', offset: entry.offset, length: entry.length, message });
      continue;
    }
    const kept = index.add(entry.key, offset, size);
    if (!kept || (firstKeys && !index.addFirstKey(bytes, reader.position, firstEnd))) {
      return {
        anomalies: block.anomalies,
        unsupported: 'the keys of the index are larger than kvdoctor keeps',
        beginsNowhere,
      };
    }
  }
  return { anomalies: block.anomalies, beginsNowhere };
}

/** True when the index reads without a flaw in that form and its blocks follow each other: how to guess a lost form. */
export function indexFits(bytes: Uint8Array, form: IndexForm, limit: number): boolean {
  const index = new BlockIndex(form);
  const { anomalies, unsupported } = decodeIndexBlock(bytes, index);
  if (anomalies.length > 0 || unsupported !== undefined || index.count === 0) return false;
  let end = 0;
  for (let i = 0; i < index.count; i++) {
    if (index.offset(i) < end) return false;
    end = index.offset(i) + index.size(i) + BLOCK_TRAILER;
  }
  return end <= limit;
}

/** Value types that a separator can end in: those of entries, and what versions of the engine put in for seeking. */
const SEPARATOR_TYPES = new Set([0x00, 0x01, 0x02, 0x07, 0x0f, 0x11, 0x14, 0x16, 0x18]);

/** Whether every key of the index looks like an internal key: where the property that says so is lost. */
export function holdsInternalKeys(bytes: Uint8Array, form: IndexForm): boolean {
  const index = new BlockIndex(form);
  decodeIndexBlock(bytes, index);
  for (let i = 0; i < index.count; i++) {
    const key = index.separator(i);
    if (key.length < KEY_TRAILER || !SEPARATOR_TYPES.has(key[key.length - KEY_TRAILER])) return false;
  }
  return true;
}
