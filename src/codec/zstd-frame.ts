/*
 * A Zstandard frame (RFC 8878):
 *
 *   +-----------------+------------+----------+---------------+---------------+---------+-----------+
 *   | magic 28b52ffd  | descriptor | [window] | [dictionary]  | [content size]| blocks… | [checksum]|
 *   |       4         |     1      |   0–1    |  0, 1, 2, 4   |  0, 1, 2, 4, 8|         |   0, 4    |
 *   +-----------------+------------+----------+---------------+---------------+---------+-----------+
 *   block = u24 LE: bit 0 last, bits 1–2 type (raw, one repeated byte, compressed, reserved), bits 3–23 size; then its bytes
 *
 * A skippable frame, which other programs put between (pzstd: the size of the next one): magic 184d2a50 to 184d2a5f, u32 LE size,
 * so many bytes.
 *
 * Only what must be known before a decoder is let loose: how large its window and its output will be, and where the frame
 * ends. Decoders allocate what a header asks for, up to 2 GiB, and damaged bytes may ask for anything.
 */

const MAGIC = 0xfd2fb528;
/** Of a skippable frame: the lowest four bits may be anything. */
const SKIPPABLE = 0x184d2a50;
const SKIPPABLE_HEADER = 8;
const BLOCK_HEADER = 3;
/** Bytes of the dictionary's number, by the descriptor's low bits. */
const ID_LENGTHS = [0, 1, 2, 4];
/** No block may hold or yield more than this. */
const LARGEST_BLOCK = 128 * 1024;

export interface ZstdFrame {
  /** Bytes before the first block. */
  headerLength: number;
  /** Bytes that a streaming decoder keeps. */
  windowSize: number;
  /** Bytes of output, where the frame says so. */
  contentSize?: number;
  dictionaryId: number;
  hasChecksum: boolean;
}

/** The header of the frame at `start`: `undefined` while bytes are missing, an error when these are not a frame's. */
export function zstdFrame(bytes: Uint8Array, start = 0): ZstdFrame | { error: string } | undefined {
  const available = bytes.length - start;
  if (available < 4) return undefined;
  if (littleEndian(bytes, start, 4) !== MAGIC) return { error: 'not a zstd frame' };
  if (available < 5) return undefined;
  const descriptor = bytes[start + 4];
  if ((descriptor & 0x08) !== 0) return { error: 'a reserved bit of the zstd frame header is set' };
  const singleSegment = (descriptor & 0x20) !== 0;
  const idLength = ID_LENGTHS[descriptor & 3];
  const sizeLength = descriptor >> 6 === 0 ? (singleSegment ? 1 : 0) : 1 << (descriptor >> 6);
  const idAt = singleSegment ? 5 : 6;
  const headerLength = idAt + idLength + sizeLength;
  if (available < headerLength) return undefined;

  const contentSize = sizeLength === 0 ? undefined : littleEndian(bytes, start + idAt + idLength, sizeLength);
  // a two-byte size starts at 256
  const content = sizeLength === 2 && contentSize !== undefined ? contentSize + 256 : contentSize;
  return {
    headerLength,
    windowSize: singleSegment ? (content ?? 0) : windowSize(bytes[start + 5]),
    contentSize: content,
    dictionaryId: littleEndian(bytes, start + idAt, idLength),
    hasChecksum: (descriptor & 0x04) !== 0,
  };
}

function windowSize(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3));
  return base + (base / 8) * (descriptor & 7);
}

/** Whether bytes begin with the magic of a skippable frame. */
export function isSkippable(bytes: ArrayLike<number>): boolean {
  return bytes.length >= 4 && littleEndian(bytes, 0, 4) - (bytes[0] & 0x0f) === SKIPPABLE;
}

function littleEndian(bytes: ArrayLike<number>, at: number, length: number): number {
  let value = 0;
  for (let i = length - 1; i >= 0; i--) value = value * 256 + bytes[at + i];
  return value;
}

/**
 * Follows a frame through its block headers as its bytes arrive in pieces, to tell where it ends. Keeps nothing but the
 * bytes of an unfinished header.
 */
export class ZstdFraming {
  /** Known once all of the frame header has arrived. */
  frame: ZstdFrame | undefined;
  /** It is a frame without content. */
  skippable = false;
  /** All of the frame has arrived. */
  ended = false;
  private header: number[] = [];
  /** Bytes until the next block header or the frame's end. */
  private body = 0;
  private last = false;

  /** Takes bytes from `from` on, to the end of the frame or of `bytes`; returns where it stopped, or what is impossible. */
  advance(bytes: Uint8Array, from: number): number | { error: string } {
    let at = from;
    while (at < bytes.length && !this.ended) {
      if (this.body > 0) {
        const step = Math.min(this.body, bytes.length - at);
        this.body -= step;
        at += step;
      } else {
        this.header.push(bytes[at++]);
        const error = this.frame === undefined ? this.frameHeader() : this.blockHeader(this.frame);
        if (error !== undefined) return { error };
      }
      this.ended = this.last && this.body === 0;
    }
    return at;
  }

  private frameHeader(): string | undefined {
    if (isSkippable(this.header)) {
      this.skippable = true;
      if (this.header.length < SKIPPABLE_HEADER) return undefined;
      this.body = littleEndian(this.header, 4, 4);
      this.last = true;
      return undefined;
    }
    const frame = zstdFrame(Uint8Array.from(this.header));
    if (frame === undefined) return undefined;
    if ('error' in frame) return frame.error;
    this.frame = frame;
    this.header = [];
    return undefined;
  }

  private blockHeader(frame: ZstdFrame): string | undefined {
    if (this.header.length < BLOCK_HEADER) return undefined;
    const [low, middle, high] = this.header;
    this.header = [];
    const word = low | (middle << 8) | (high << 16);
    const type = (word >> 1) & 3;
    const size = word >>> 3;
    if (type === 3) return 'a zstd block has the reserved type';
    // libzstd bounds blocks by the window, which is the content itself where the header says so
    if (size > Math.min(frame.windowSize, LARGEST_BLOCK))
      return 'a zstd block is larger than the window allows';
    this.last = (word & 1) === 1;
    this.body = (type === 1 ? 1 : size) + (this.last && frame.hasChecksum ? 4 : 0);
    return undefined;
  }
}
