import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { instanceOf } from '../bytes/webassembly.js';

/*
 * libzstd's own functions inside @bokuweb/zstd-wasm, which exports only wrappers around them. For every block those reserve
 * memory twice, make a decoder and copy what came out into new memory: of blocks of 4 KiB that is a quarter of the time.
 * Here memory and decoder are kept, and so is the dictionary while it is the same.
 *
 * The package does not export the file, so its version is pinned and test/codec/zstd-heap.test.ts holds the names.
 */
interface Libzstd {
  /** Starts it with the bytes of its module. */
  init(wasm: Uint8Array): void;
  /** In place of the package's own way, which has to be waited for: code that decodes a block cannot wait. */
  instantiateWasm?: (imports: object, done: (instance: { exports: object }) => void) => object;
  /** Another view after the memory has grown. */
  readonly HEAPU8: Uint8Array;
  _malloc(size: number): number;
  _free(at: number): void;
  _ZSTD_createDCtx(): number;
  _ZSTD_decompress_usingDict(
    decoder: number,
    output: number,
    outputSize: number,
    input: number,
    inputSize: number,
    dictionary: number,
    dictionarySize: number,
  ): number;
}

const require = createRequire(import.meta.url);
const libzstd: Libzstd = require(join(require.resolve('@bokuweb/zstd-wasm'), '../module.js')).Module;

/** Compiles and starts it. */
export function startLibzstd(): void {
  const wasm = readFileSync(join(require.resolve('@bokuweb/zstd-wasm'), '../zstd.wasm'));
  libzstd.instantiateWasm = (imports, done) => {
    const instance = instanceOf(wasm, imports);
    done(instance);
    return instance.exports;
  };
  libzstd.init(wasm);
}

/** Larger pieces of memory are given back after the call, bytes. */
const LARGEST_KEPT = 4 * 1024 * 1024;
/** zstd's number for it. */
const NO_MEMORY = -64;

/** A piece of libzstd's memory. */
class Piece {
  at = 0;
  private size = 0;

  /** False where memory is exhausted. */
  reserve(size: number): boolean {
    if (size <= this.size) return true;
    this.free();
    // the next block may be slightly larger
    const room = Math.max(size, Math.min(2 * size, LARGEST_KEPT));
    this.at = libzstd._malloc(room);
    if (this.at !== 0) this.size = room;
    return this.at !== 0;
  }

  trim(): void {
    if (this.size > LARGEST_KEPT) this.free();
  }

  private free(): void {
    if (this.at !== 0) libzstd._free(this.at);
    this.at = 0;
    this.size = 0;
  }
}

/** Decodes zstd frames that lie whole in memory. `startLibzstd` has been called. */
export class ZstdDecoder {
  private readonly decoder = libzstd._ZSTD_createDCtx();
  private readonly input = new Piece();
  private readonly output = new Piece();
  private readonly dictionary = new Piece();
  /** What `dictionary` holds. */
  private placed: Uint8Array | undefined;

  /**
   * What `frames` decode to, at most `room` bytes: a view of `into` where that is large enough, else new memory. A negative
   * number is zstd's error. `dictionary` must not change between calls.
   */
  decode(
    frames: Uint8Array,
    room: number,
    dictionary: Uint8Array | undefined,
    into: Uint8Array | undefined,
  ): Uint8Array | number {
    const { input, output } = this;
    const reserved = input.reserve(frames.length) && output.reserve(room) && this.place(dictionary);
    if (!reserved) return NO_MEMORY;
    libzstd.HEAPU8.set(frames, input.at);
    const length = libzstd._ZSTD_decompress_usingDict(
      this.decoder,
      output.at,
      room,
      input.at,
      frames.length,
      dictionary === undefined ? 0 : this.dictionary.at,
      dictionary?.length ?? 0,
    );
    const result = length < 0 ? length : this.copy(length, into);
    input.trim();
    output.trim();
    return result;
  }

  /** Puts the dictionary where libzstd can read it. */
  private place(dictionary: Uint8Array | undefined): boolean {
    if (dictionary === undefined || dictionary === this.placed) return true;
    this.placed = undefined;
    if (!this.dictionary.reserve(dictionary.length)) return false;
    libzstd.HEAPU8.set(dictionary, this.dictionary.at);
    this.placed = dictionary;
    return true;
  }

  private copy(length: number, into: Uint8Array | undefined): Uint8Array {
    const { HEAPU8 } = libzstd;
    const { at } = this.output;
    if (into === undefined || into.length < length) return HEAPU8.slice(at, at + length);
    into.set(HEAPU8.subarray(at, at + length));
    return into.subarray(0, length);
  }
}
