/** Bytes that grow as fields are appended. State with a life: one message. */
export class ByteBuilder {
  private bytes = new Uint8Array(256);
  private size = 0;

  private room(count: number): number {
    const at = this.size;
    const needed = at + count;
    if (needed > this.bytes.length) {
      const grown = new Uint8Array(Math.max(needed, this.bytes.length * 2));
      grown.set(this.bytes);
      this.bytes = grown;
    }
    this.size = needed;
    return at;
  }

  /** Bytes appended so far. */
  get length(): number {
    return this.size;
  }

  u8(value: number): this {
    const at = this.room(1);
    this.bytes[at] = value;
    return this;
  }

  /** Appends bytes as they are. */
  raw(value: Uint8Array): this {
    const at = this.room(value.length);
    this.bytes.set(value, at);
    return this;
  }

  /** A number of 0 to 2^32 − 1, or a bigint of at most 64 bits, in groups of seven bits. */
  varint(value: number | bigint): this {
    let rest = BigInt.asUintN(64, BigInt(value));
    while (rest >= 0x80n) {
      this.u8(Number(rest & 0x7fn) | 0x80);
      rest >>= 7n;
    }
    return this.u8(Number(rest));
  }

  u64(value: bigint): this {
    const at = this.room(8);
    new DataView(this.bytes.buffer).setBigUint64(at, value, true);
    return this;
  }

  /** A varint32 length and the bytes. */
  lengthPrefixed(value: Uint8Array): this {
    return this.varint(value.length).raw(value);
  }

  /** A copy of what has been appended. */
  finish(): Uint8Array {
    return this.bytes.slice(0, this.size);
  }
}
