/*
 * The index: for each data block a separator key, not below the last key of the block and below the first one of the next,
 * and the block's handle (rocksdb table/block_based/index_builder.cc, table/format.cc IndexValue):
 *
 *   full value    | offset varint64 | size varint64 |                    [ first key of the block, length-prefixed ]
 *   delta value   | size minus the size before it, zigzag varint64 |     [ first key of the block, length-prefixed ]
 *
 * With delta-encoded values (a table property) an entry has a full value exactly when its key shares nothing with the one
 * before; a delta value means the block right behind the previous one. Separators are internal keys, or user keys when
 * another property says so; a shortened one carries an impossible sequence. A two-level index has blocks of this kind
 * whose handles point at blocks of this kind.
 */
import type { Anomaly } from '../../finding/finding.js';
import { BlockReader, restartOffset } from './block.js';
import { BLOCK_TRAILER, NumberReader } from './handle.js';
import { KEY_TRAILER } from './internal-key.js';

/** How the index blocks of a table are written, by its properties. */
export interface IndexForm {
  deltaEncoded: boolean;
  userKeys: boolean;
  firstKeys: boolean;
}

/** Keys of an index may take so many bytes in memory, whatever prefix compression makes of them. */
const KEY_LIMIT = 256 * 1024 * 1024;

/** Keys end to end in one array, so that an index of a million blocks is three arrays and not a million objects. */
class KeyArena {
  private bytes = new Uint8Array(4096);
  private ends = new Float64Array(256);
  private used = 0;
  count = 0;

  /** False when the limit on memory is reached. */
  add(from: Uint8Array, start: number, end: number): boolean {
    const needed = this.used + end - start;
    if (needed > KEY_LIMIT) return false;
    if (needed > this.bytes.length) this.bytes = grown(this.bytes, new Uint8Array(2 * needed));
    if (this.count === this.ends.length) this.ends = grown(this.ends, new Float64Array(2 * this.count));
    this.bytes.set(from.subarray(start, end), this.used);
    this.used = needed;
    this.ends[this.count++] = needed;
    return true;
  }

  /** A view of key `i`. */
  get(i: number): Uint8Array {
    return this.bytes.subarray(i === 0 ? 0 : this.ends[i - 1], this.ends[i]);
  }
}

function grown<T extends Uint8Array | Float64Array>(from: T, into: T): T {
  into.set(from);
  return into;
}

/** The entries of an index, in order. */
export class BlockIndex {
  private keys = new KeyArena();
  private firsts = new KeyArena();
  private places = new Float64Array(512);

  constructor(readonly form: IndexForm) {}

  get count(): number {
    return this.keys.count;
  }

  /** File offset of block `i`. */
  offset(i: number): number {
    return this.places[2 * i];
  }

  /** Payload bytes of block `i`. */
  size(i: number): number {
    return this.places[2 * i + 1];
  }

  /** Separator behind block `i`: an internal key, or a user key where the form says so. A view. */
  separator(i: number): Uint8Array {
    return this.keys.get(i);
  }

  /** First internal key of block `i`, where the index holds first keys. A view. */
  firstKey(i: number): Uint8Array | undefined {
    return i < this.firsts.count ? this.firsts.get(i) : undefined;
  }

  /** False when the limit on memory is reached. */
  add(key: Uint8Array, offset: number, size: number): boolean {
    const at = 2 * this.count;
    if (!this.keys.add(key, 0, key.length)) return false;
    if (at === this.places.length) this.places = grown(this.places, new Float64Array(2 * at));
    this.places[at] = offset;
    this.places[at + 1] = size;
    return true;
  }

  addFirstKey(bytes: Uint8Array, start: number, end: number): boolean {
    return this.firsts.add(bytes, start, end);
  }
}

export interface IndexReading {
  /** In the space of the index block. */
  anomalies: Anomaly[];
  /** Set when the index was too large to keep. */
  unsupported?: string;
  /**
   * The first restart point lies behind the entries: the engine's iterators, which begin there, find the block empty and
   * think nothing of it (rocksdb table/block_based/block.cc, SeekToFirst).
   */
  beginsNowhere: boolean;
}

/** Decodes one index block and adds its entries to `index`. Entries that cannot be read are left out. */
export function decodeIndexBlock(bytes: Uint8Array, index: BlockIndex): IndexReading {
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
