import { u32At } from '../bytes/u32.js';
import { type BlockTail, decodeBlockTail, restartOffset } from '../format/sst/block.js';
import { KEY_TRAILER } from '../format/sst/internal-key.js';

/** From here on releases of Pebble compute different things with a count of restart points. */
const COUNT_LIMIT = 2 ** 29 - 1;

/** As many restart points would begin before the block. */
function isWithoutRoom(bytes: Uint8Array): boolean {
  if (bytes.length < 4) return false;
  const count = u32At(bytes, bytes.length - 4);
  return count > 0 && count < COUNT_LIMIT && 4 * (count + 1) >= bytes.length;
}

/**
 * Walks the entries of a decompressed data block (format/sst/block.ts has its drawing) with the key in a reused array and
 * no object per entry. Every length is checked against the block before it is used.
 */
export class BlockEntries {
  /** The internal key is `key[0, keyLength)`. */
  key: Uint8Array = new Uint8Array(256);
  keyLength = 0;
  /** The value is `bytes[valueFrom, valueTo)`. */
  bytes: Uint8Array = new Uint8Array(0);
  valueFrom = 0;
  valueTo = 0;
  /** Why `next` gave up, empty at a regular end. */
  flaw = '';
  /** Where the entry that `next` came to starts in the block. */
  entryFrom = 0;

  private position = 0;
  private entriesEnd = 0;
  private valuesEnd = 0;
  private tail?: BlockTail;
  private separated = false;
  private restart = 0;
  private restartAt = 0;

  /**
   * Starts over with another block. `atRestart`: where the engine's iterator does, at the first restart point, which in a damaged
   * block may be elsewhere; after the entries the block is empty to it (leveldb table/block.cc `SeekToFirst`). `emptyWithoutRoom`: so
   * is one with more restart points than fit into it, to Pebble (pebble sstable/block.go `blockIter.init`).
   */
  reset(bytes: Uint8Array, atRestart = false, emptyWithoutRoom = false): void {
    this.bytes = bytes;
    this.position = 0;
    this.keyLength = 0;
    this.entriesEnd = 0;
    this.flaw = '';
    const tail = decodeBlockTail(bytes);
    if (typeof tail === 'string') {
      if (!emptyWithoutRoom || !isWithoutRoom(bytes)) this.flaw = tail;
      return;
    }
    this.entriesEnd = tail.entriesEnd;
    this.valuesEnd = tail.separated ? tail.restartsOffset : tail.entriesEnd;
    this.valueTo = tail.entriesEnd;
    this.tail = tail;
    this.separated = tail.separated;
    this.restart = 0;
    this.restartAt = restartOffset(bytes, tail, 0);
    if (atRestart) this.position = this.restartAt;
  }

  /** Moves to the next entry. False after the last one, and at one that cannot be read (then `flaw` says why). */
  next(): boolean {
    const { bytes, entriesEnd } = this;
    let at = this.position;
    if (at >= entriesEnd) return false;
    this.entryFrom = at;
    let shared = bytes[at];
    let added = bytes[at + 1];
    let valueLength = bytes[at + 2];
    if ((shared | added | valueLength) < 0x80 && at + 3 <= entriesEnd) at += 3;
    else {
      shared = this.varint(at);
      added = shared < 0 ? -1 : this.varint(this.after);
      valueLength = added < 0 ? -1 : this.varint(this.after);
      if (valueLength < 0) return this.give('the header of the entry runs past the entries');
      at = this.after;
    }
    if (this.separated) {
      const placed = this.valuePlace(at, this.tail!);
      if (placed < 0) return this.give('the header of the entry runs past the entries');
      at = this.after;
      this.valueTo = placed;
    }
    const keyLength = shared + added;
    if (shared > this.keyLength)
      return this.give(`the key shares ${shared} bytes with one of ${this.keyLength}`);
    if (at + added > entriesEnd) return this.give(`a key of ${added} bytes runs past the entries`);
    if (keyLength > this.key.length) this.grow(keyLength);
    const { key } = this;
    for (let i = shared; i < keyLength; i++) key[i] = bytes[at++];
    this.keyLength = keyLength;
    if (keyLength < KEY_TRAILER) return this.give('a key is shorter than its sequence and type');
    this.valueFrom = this.separated ? this.valueTo : at;
    this.valueTo = this.valueFrom + valueLength;
    if (this.valueTo > this.valuesEnd)
      return this.give(`a value of ${valueLength} bytes runs past the block`);
    this.position = this.separated ? at : this.valueTo;
    return true;
  }

  /** The whole key of the entry that `peek` looked at is `bytes[peekedFrom, peekedTo)`. */
  peekedFrom = 0;
  peekedTo = 0;

  /** Restart points after the entry that `next` came to last, ascending: places to go on at. */
  *restartsAhead(): Generator<number> {
    const { tail, bytes, entryFrom, entriesEnd } = this;
    if (tail === undefined) return;
    for (let i = 0; i < tail.restartCount; i++) {
      const at = restartOffset(bytes, tail, i);
      if (at > entryFrom && at < entriesEnd) yield at;
    }
  }

  /** Looks at the key at a restart point without moving there. False when none can be read. */
  peek(restart: number): boolean {
    const shared = this.varint(restart);
    const added = shared === 0 ? this.varint(this.after) : -1;
    const length = added < KEY_TRAILER ? -1 : this.varint(this.after);
    if (length < 0) return false;
    if (this.separated && this.varint(this.after) < 0) return false;
    this.peekedFrom = this.after;
    this.peekedTo = this.after + added;
    return this.peekedTo <= this.entriesEnd;
  }

  /** Goes on at a restart point. */
  resume(restart: number): void {
    this.position = restart;
    this.keyLength = 0;
    this.flaw = '';
  }

  /** Where `varint` stopped. */
  private after = 0;

  /** A varint32 at `at`, -1 when it does not fit; `after` is the position after it. */
  private varint(at: number): number {
    let result = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      if (at >= this.entriesEnd) return -1;
      const byte = this.bytes[at++];
      result = (result | ((byte & 0x7f) << shift)) >>> 0;
      if (byte < 0x80) {
        this.after = at;
        return result;
      }
    }
    return -1;
  }

  /** Where the value stands in a block with separated values: said at restart points, else after the one before. */
  private valuePlace(at: number, tail: BlockTail): number {
    this.after = at;
    while (this.restartAt < this.entryFrom && this.restart + 1 < tail.restartCount) {
      this.restartAt = restartOffset(this.bytes, tail, ++this.restart);
    }
    if (this.restartAt !== this.entryFrom) return this.valueTo;
    const place = this.varint(at);
    return place < 0 ? -1 : tail.entriesEnd + place;
  }

  private give(flaw: string): false {
    this.flaw = flaw;
    this.position = this.entriesEnd;
    return false;
  }

  private grow(length: number): void {
    const larger = new Uint8Array(length * 2);
    larger.set(this.key.subarray(0, this.keyLength));
    this.key = larger;
  }
}
