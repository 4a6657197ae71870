/**
 * Reads little-endian fields and LEB128 varints off a byte array and never past `end`. A read that does not fit returns
 * `undefined` and leaves the position where it was: bad bytes are data here, not exceptions. For slow paths and metadata;
 * loops that run per entry read the array themselves.
 */
export class Cursor {
  private lazyView: DataView | undefined;

  constructor(
    readonly bytes: Uint8Array,
    public position = 0,
    readonly end = bytes.length,
  ) {}

  private get view(): DataView {
    this.lazyView ??= new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength);
    return this.lazyView;
  }

  get remaining(): number {
    return this.end - this.position;
  }

  u8(): number | undefined {
    return this.remaining < 1 ? undefined : this.bytes[this.position++];
  }

  u16(): number | undefined {
    if (this.remaining < 2) return undefined;
    this.position += 2;
    return this.view.getUint16(this.position - 2, true);
  }

  u32(): number | undefined {
    if (this.remaining < 4) return undefined;
    this.position += 4;
    return this.view.getUint32(this.position - 4, true);
  }

  u64(): bigint | undefined {
    if (this.remaining < 8) return undefined;
    this.position += 8;
    return this.view.getBigUint64(this.position - 8, true);
  }

  /** A varint32 of at most 5 bytes. Bits above 32 in the fifth byte are dropped, as RocksDB's GetVarint32Ptr does. */
  varint32(): number | undefined {
    let result = 0;
    for (let i = 0; i < 5; i++) {
      const at = this.position + i;
      if (at >= this.end) return undefined;
      const byte = this.bytes[at];
      result = (result | ((byte & 0x7f) << (7 * i))) >>> 0;
      if (byte < 0x80) {
        this.position = at + 1;
        return result;
      }
    }
    return undefined;
  }

  /** A varint64 of at most 10 bytes, modulo 2^64. */
  varint64(): bigint | undefined {
    const { bytes, end } = this;
    // seven groups of seven bits fit a number exactly: most varints need no bigint arithmetic
    let low = 0;
    let scale = 1;
    for (let i = 0; i < 7; i++, scale *= 128) {
      const at = this.position + i;
      if (at >= end) return undefined;
      const byte = bytes[at];
      low += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        this.position = at + 1;
        return BigInt(low);
      }
    }
    let result = BigInt(low);
    for (let i = 7; i < 10; i++) {
      const at = this.position + i;
      if (at >= end) return undefined;
      const byte = bytes[at];
      result |= BigInt(byte & 0x7f) << BigInt(7 * i);
      if (byte < 0x80) {
        this.position = at + 1;
        return BigInt.asUintN(64, result);
      }
    }
    return undefined;
  }

  /** `length` bytes as a view into the same memory (not a copy). */
  take(length: number): Uint8Array | undefined {
    if (length < 0 || this.remaining < length) return undefined;
    this.position += length;
    return this.bytes.subarray(this.position - length, this.position);
  }

  /** A varint32 length and that many bytes, as a view. */
  lengthPrefixed(): Uint8Array | undefined {
    const start = this.position;
    const length = this.varint32();
    const bytes = length === undefined ? undefined : this.take(length);
    if (bytes === undefined) this.position = start;
    return bytes;
  }
}
