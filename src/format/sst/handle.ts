/** Where a block stands: `size` bytes of payload at file offset `offset`; its trailer follows and is not counted. */
export interface BlockHandle {
  offset: number;
  size: number;
}

/** Bytes after the payload of a block: 1 byte compression type, 4 bytes checksum (rocksdb table/format.h). */
export const BLOCK_TRAILER = 5;

/**
 * Reads varints as JavaScript numbers off a byte array: what indexes and handles need a hundred thousand times over, where
 * a bigint each would cost more than the rest. A field that does not fit sets `failed` and gives 0; a varint64 past 2^53
 * gives a number past every file size, which the bounds check of a handle then refuses.
 */
export class NumberReader {
  failed = false;

  constructor(
    readonly bytes: Uint8Array,
    public position: number,
    readonly end: number,
  ) {}

  /** A varint of at most `maxBytes` bytes (5 for a varint32, 10 for a varint64). */
  varint(maxBytes: number): number {
    const { bytes, end } = this;
    let at = this.position;
    if (at < end && bytes[at] < 0x80) {
      this.position = at + 1;
      return bytes[at];
    }
    let result = 0;
    let scale = 1;
    for (let i = 0; i < maxBytes && at < end; i++, at++) {
      const byte = bytes[at];
      result += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        this.position = at + 1;
        return result;
      }
      scale *= 128;
    }
    this.failed = true;
    return 0;
  }

  /** A zigzag-coded signed varint64 (rocksdb util/coding.h GetVarsignedint64). */
  zigzag(): number {
    const value = this.varint(10);
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  handle(): BlockHandle {
    return { offset: this.varint(10), size: this.varint(10) };
  }
}

/** The handle that a meta block's value, a footer or an index value starts with; undefined when it does not fit. */
export function decodeHandle(bytes: Uint8Array, start = 0, end = bytes.length): BlockHandle | undefined {
  const reader = new NumberReader(bytes, start, end);
  const handle = reader.handle();
  return reader.failed ? undefined : handle;
}

/**
 * True when the block with its trailer is inside the first `limit` bytes of the file. Differences of damaged fields (a
 * delta-coded index, the metaindex before the footer) can come out negative.
 */
export function handleFits({ offset, size }: BlockHandle, limit: number): boolean {
  return offset >= 0 && size >= 0 && offset + size + BLOCK_TRAILER <= limit;
}

/** Where a finding about a handle that does not fit points: its offset, or the nearest place in the file. */
export function nearestOffset({ offset }: BlockHandle, limit: number): number {
  return Math.max(0, Math.min(offset, limit));
}

/** Bytes of the handle that starts at `start`, which is known to decode. */
export function handleBytes(bytes: Uint8Array, start: number): number {
  let at = start;
  for (let varints = 0; varints < 2; at++) if (bytes[at] < 0x80) varints++;
  return at - start;
}
