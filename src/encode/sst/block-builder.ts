import { putVarint32 } from '../varint.js';

/** Largest header of an entry: three varint32. Bytes. */
const HEADER = 15;

/**
 * Builds a block entry by entry (format/sst/block.ts has its drawing): keys in their order, each cut by what it shares with
 * the one before, whole at every `restartInterval`-th entry.
 */
export class BlockBuilder {
  private bytes = new Uint8Array(4096);
  private used = 0;
  private restarts = [0];
  private sinceRestart = 0;
  private lastKey = new Uint8Array(256);
  private lastLength = 0;
  /** Entries added. */
  count = 0;

  constructor(private readonly restartInterval: number) {}

  /** Bytes that `finish` would give. */
  get size(): number {
    return this.used + 4 * this.restarts.length + 4;
  }

  /** `mostShared`: bytes that the key may share with the one before. */
  add(key: Uint8Array, value: Uint8Array, mostShared = key.length): void {
    let shared = 0;
    if (this.sinceRestart === this.restartInterval) {
      this.restarts.push(this.used);
      this.sinceRestart = 0;
    } else if (this.count > 0) {
      const { lastKey } = this;
      const most = Math.min(mostShared, key.length, this.lastLength);
      while (shared < most && key[shared] === lastKey[shared]) shared++;
    }
    const added = key.length - shared;
    this.reserve(HEADER + added + value.length);
    const { bytes } = this;
    let at = putVarint32(bytes, this.used, shared);
    at = putVarint32(bytes, at, added);
    at = putVarint32(bytes, at, value.length);
    bytes.set(shared === 0 ? key : key.subarray(shared), at);
    bytes.set(value, at + added);
    this.used = at + added + value.length;
    if (key.length > this.lastKey.length) this.lastKey = new Uint8Array(2 * key.length);
    this.lastKey.set(key);
    this.lastLength = key.length;
    this.sinceRestart++;
    this.count++;
  }

  /** The block; the builder begins another one. A block without entries has one restart point, as the engine writes it. */
  finish(): Uint8Array {
    const block = new Uint8Array(this.size);
    block.set(this.bytes.subarray(0, this.used));
    const view = new DataView(block.buffer);
    let at = this.used;
    for (const restart of [...this.restarts, this.restarts.length]) {
      view.setUint32(at, restart, true);
      at += 4;
    }
    this.used = 0;
    this.restarts = [0];
    this.sinceRestart = 0;
    this.lastLength = 0;
    this.count = 0;
    return block;
  }

  private reserve(more: number): void {
    if (this.used + more <= this.bytes.length) return;
    const grown = new Uint8Array(2 * (this.used + more));
    grown.set(this.bytes.subarray(0, this.used));
    this.bytes = grown;
  }
}
