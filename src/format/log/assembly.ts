import { ReusedBuffer } from '../../bytes/reused-buffer.js';
import { ZstdStream } from '../../codec/zstd-stream.js';
import { type Fragment, fileOffsetIn } from './fragments.js';

/**
 * A logical record of a WAL of more bytes is framed and checksummed, but not put together: a value of 256 MiB, its key and its
 * batch fit. RocksDB has no limit below 4 GiB.
 */
export const MAX_RECORD = 257 * 1024 * 1024;

/** The same of a MANIFEST, whose records are edits. */
export const MAX_EDIT_RECORD = 64 * 1024 * 1024;

/** Most bytes that one fragment of a compressed record may decode to: it has at most 32 KiB. */
export const MAX_EXPANDED = 64 * 1024 * 1024;

/** The places of as many fragments are remembered. A record of `MAX_RECORD` bytes has some 8,000 where blocks are filled. */
export const MAX_FRAGMENTS = 65_536;

const NOTHING = new Uint8Array(0);

/**
 * A logical record: the payloads of its fragments, decompressed where the log is compressed. A record of one
 * uncompressed fragment is a view into the chunk that was read; any other is put together in a buffer that grows with the
 * bytes that really came, never with a length that was only claimed.
 */
export class Assembly {
  /** The record is `bytes[start, end)`, until the parser goes on. */
  bytes: Uint8Array = NOTHING;
  start = 0;
  end = 0;
  /** File offset of the header of the first fragment. */
  offset = 0;
  /** File offset after the last fragment so far. */
  endOffset = 0;
  /** Fragments; the file offsets and lengths of their payloads. */
  fragments = 0;
  readonly payloadOffsets: number[] = [];
  readonly payloadLengths: number[] = [];
  /** Bytes of payload as stored. */
  storedLength = 0;
  /** The record is larger than the limit: its bytes are not here. */
  oversized = false;
  /** Why its ZSTD frame does not decode, or that it does not end. */
  decompressionError: string | undefined;
  compressed = false;

  private readonly buffer = new ReusedBuffer();
  private readonly stream = new ZstdStream(MAX_EXPANDED, true);

  /** `limit`: bytes of a record that is put together. */
  constructor(private readonly limit = MAX_RECORD) {}

  /** A record in one piece: `bytes[from, to)` is its payload, at file offset `payloadOffset`. */
  whole(bytes: Uint8Array, from: number, to: number, offset: number, payloadOffset: number): void {
    if (!this.compressed) {
      this.view(bytes, from, to, offset, payloadOffset);
      return;
    }
    this.begin(offset);
    this.add(bytes, from, to, payloadOffset);
    this.finish();
  }

  /** As `whole`, of a record that is never compressed. */
  view(bytes: Uint8Array, from: number, to: number, offset: number, payloadOffset: number): void {
    this.begin(offset);
    this.place(payloadOffset, to - from);
    this.bytes = bytes;
    this.start = from;
    this.end = to;
  }

  /** Starts a record of several fragments whose first header is at file offset `offset`. */
  begin(offset: number): void {
    this.offset = offset;
    this.fragments = this.start = this.end = this.storedLength = 0;
    this.oversized = false;
    this.decompressionError = undefined;
    this.buffer.takeBack();
    this.bytes = NOTHING;
    if (this.compressed) this.stream.reset();
  }

  add(bytes: Uint8Array, from: number, to: number, payloadOffset: number): void {
    this.place(payloadOffset, to - from);
    if (!this.compressed) {
      this.append(bytes.subarray(from, to));
      return;
    }
    // A zero-length fragment is nothing to the decoder.
    if (this.decompressionError !== undefined || from === to) return;
    const { bytes: decoded, error, pastLimit } = this.stream.push(bytes.subarray(from, to));
    this.append(decoded);
    // The decoder stops at its limit, which is ours: that says nothing about the frame.
    if (pastLimit) this.oversized = true;
    if (!this.oversized) this.decompressionError = error;
  }

  /** All fragments are there. */
  finish(): void {
    if (this.compressed && this.decompressionError === undefined && !this.stream.atFrameEnd)
      this.decompressionError = 'the ZSTD frame does not end with the record';
  }

  /** Gives the memory of the last record back. */
  release(): void {
    this.buffer.takeBack();
    this.bytes = NOTHING;
  }

  /** Its fragments, as many of them as are remembered. They stay as they are when the parser goes on. */
  places(): Fragment[] {
    let recordOffset = 0;
    return this.payloadOffsets.slice(0, this.fragments).map((fileOffset, i) => {
      const length = this.payloadLengths[i];
      recordOffset += length;
      return { recordOffset: recordOffset - length, fileOffset, length };
    });
  }

  /** The file offset of a byte of the record. Of a compressed record the first header's, for bytes have no place there. */
  fileOffset(offset: number): number {
    return this.compressed ? this.offset : fileOffsetIn(this.places(), offset);
  }

  private place(payloadOffset: number, length: number): void {
    if (this.fragments < MAX_FRAGMENTS) {
      this.payloadOffsets[this.fragments] = payloadOffset;
      this.payloadLengths[this.fragments] = length;
    }
    this.fragments++;
    this.storedLength += length;
    this.endOffset = payloadOffset + length;
  }

  private append(part: Uint8Array): void {
    const needed = this.end + part.length;
    if (this.oversized || needed > this.limit) {
      this.oversized = true;
      return;
    }
    this.bytes = this.buffer.extend(this.end, needed, this.limit);
    this.bytes.set(part, this.end);
    this.end = needed;
  }
}
