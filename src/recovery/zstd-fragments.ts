import { xxh64Low } from '../bytes/xxhash.js';
import { ZstdStream } from '../codec/zstd-stream.js';
import type { FragmentDecompressor } from './physical-reader.js';

const HAS_CHECKSUM = 0x04;

/**
 * The ZSTD context of a compressed WAL: one for the file, reset for each record and, as in the engine, when it fails. The
 * frame's own checksum is verified where its last fragment is decoded, as libzstd does. `loadHashes()` comes first.
 */
export class ZstdFragments implements FragmentDecompressor {
  private readonly stream = new ZstdStream();
  /** Of the frame in progress: what was decoded, the first bytes and the last four of what was fed. */
  private outputs: Uint8Array[] = [];
  private head: number[] = [];
  private tail = 0;

  reset(): void {
    this.stream.reset();
    this.forget();
  }

  feed(input: Uint8Array): Uint8Array | undefined {
    // Without a reset in between, one frame may follow another.
    if (this.stream.atFrameEnd) this.forget();
    const { bytes, error } = this.stream.push(input);
    this.outputs.push(bytes);
    for (let i = 0; this.head.length < 5 && i < input.length; i++) this.head.push(input[i]);
    for (const byte of input.subarray(-4)) this.tail = (this.tail >>> 8) | (byte << 24);
    if (error === undefined && this.checksumHolds()) return bytes;
    this.reset();
    return undefined;
  }

  private forget(): void {
    this.outputs = [];
    this.head = [];
  }

  /** True also while the frame goes on. A record is one frame. */
  private checksumHolds(): boolean {
    if (!this.stream.atFrameEnd || ((this.head[4] ?? 0) & HAS_CHECKSUM) === 0) return true;
    const [first] = this.outputs;
    const all = this.outputs.length === 1 ? first : Buffer.concat(this.outputs);
    return xxh64Low(all) === this.tail >>> 0;
  }
}
