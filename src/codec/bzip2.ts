import seekBzip from 'seek-bzip';
import { attempt, type Decompressed } from './decompressed.js';

/** Reads bytes off an array and fails at its end: seek-bzip itself would go on with zeros for ever. */
class ByteReader {
  private position = 0;

  constructor(private readonly bytes: Uint8Array) {}

  readByte(): number {
    if (this.position >= this.bytes.length) throw new Error('the bzip2 stream is cut off');
    return this.bytes[this.position++];
  }

  read(into: Uint8Array, offset: number, length: number): number {
    for (let i = 0; i < length; i++) into[offset + i] = this.readByte();
    return length;
  }
}

/** Collects bytes in an array that doubles as bytes arrive, so that a promised size alone allocates nothing. */
class ByteCollector {
  private bytes: Uint8Array;
  private length = 0;

  constructor(
    expected: number,
    private readonly limit: number,
  ) {
    this.bytes = new Uint8Array(Math.min(expected, limit, 1 << 16));
  }

  writeByte(byte: number): void {
    if (this.length === this.bytes.length) {
      if (this.length >= this.limit) throw new Error(`the bzip2 stream expands past ${this.limit} bytes`);
      const larger = new Uint8Array(Math.min(this.limit, Math.max(4096, this.length * 2)));
      larger.set(this.bytes);
      this.bytes = larger;
    }
    this.bytes[this.length++] = byte;
  }

  collected(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }
}

/** Decompresses a complete .bz2 stream (its own checksums included) into at most `length` or, without one, `limit` bytes. */
export function decompressBzip2(input: Uint8Array, length: number | undefined, limit: number): Decompressed {
  const output = new ByteCollector(length ?? input.length * 4, Math.min(length ?? limit, limit));
  return attempt(() => {
    seekBzip.decode(new ByteReader(input), output);
    return output.collected();
  });
}
