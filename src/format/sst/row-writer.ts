/** Bytes of the key that may be needed at first; more are had as keys grow. */
const FIRST_KEY_ROOM = 256;
/** Three lengths of at most five bytes before each entry. */
const ENTRY_HEADER = 15;

/**
 * Writes a block of rows (format/sst/block.ts has the drawing) with one restart point, entry by entry: `begin`, the key in pieces,
 * `entry`, and then as many bytes of value as were promised. Allocates nothing per entry.
 */
export class RowWriter {
  /** Nothing more is written: the limit is reached. */
  full = false;
  /** Bytes of the key that is being written. */
  keyLength = 0;
  /** Bytes of it when `endPrefix` was called. */
  prefixLength = 0;
  /** Its first bytes that are those of the key before. */
  shared = 0;

  private key = new Uint8Array(FIRST_KEY_ROOM);
  private previousLength = 0;
  private bytes = new Uint8Array(4096);
  private size = 0;

  constructor(private readonly limit: number) {}

  /** Begins a key with the first `kept` bytes of the key before. */
  begin(kept: number): void {
    this.keyLength = kept;
    this.shared = kept;
  }

  endPrefix(): void {
    this.prefixLength = this.keyLength;
  }

  keyBytes(from: Uint8Array, start: number, end: number): void {
    for (let i = start; i < end; i++) this.byte(from[i]);
  }

  byte(value: number): void {
    const at = this.keyLength++;
    if (at === this.key.length) {
      const larger = new Uint8Array(2 * at);
      larger.set(this.key);
      this.key = larger;
    }
    if (this.shared === at && at < this.previousLength && this.key[at] === value) this.shared++;
    this.key[at] = value;
  }

  bigEndian(word: number): void {
    for (let shift = 24; shift >= 0; shift -= 8) this.byte((word >>> shift) & 0xff);
  }

  /** Ends the key, with sequence and type after it where they are given, as two halves. */
  entry(valueLength: number, low?: number, high = 0): void {
    const { key, shared, keyLength } = this;
    const trailer = low === undefined ? 0 : 8;
    const own = keyLength - shared;
    this.room(ENTRY_HEADER + own + trailer + valueLength);
    if (this.full) return;
    this.valueVarint(shared);
    this.valueVarint(own + trailer);
    this.valueVarint(valueLength);
    for (let i = shared; i < keyLength; i++) this.bytes[this.size++] = key[i];
    if (low !== undefined) {
      this.word(low);
      this.word(high);
    }
    this.previousLength = keyLength;
  }

  value(from: Uint8Array, start: number, end: number): void {
    if (this.full) return;
    this.bytes.set(from.subarray(start, end), this.size);
    this.size += end - start;
  }

  valueByte(value: number): void {
    if (!this.full) this.bytes[this.size++] = value;
  }

  valueVarint(value: number): void {
    if (this.full) return;
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.bytes[this.size++] = (rest % 0x80) | 0x80;
    this.bytes[this.size++] = rest;
  }

  varintLength(value: number): number {
    let length = 1;
    for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) length++;
    return length;
  }

  /** The block; `undefined` where it would be larger than the limit. */
  finish(): Uint8Array | undefined {
    this.room(8);
    if (this.full) return undefined;
    this.word(0);
    this.word(1);
    return this.bytes.subarray(0, this.size);
  }

  private word(value: number): void {
    for (let shift = 0; shift < 32; shift += 8) this.bytes[this.size++] = (value >>> shift) & 0xff;
  }

  private room(count: number): void {
    const needed = this.size + count;
    if (needed > this.limit) this.full = true;
    if (this.full || needed <= this.bytes.length) return;
    const larger = new Uint8Array(Math.min(Math.max(needed, 2 * this.bytes.length), this.limit));
    larger.set(this.bytes.subarray(0, this.size));
    this.bytes = larger;
  }
}
