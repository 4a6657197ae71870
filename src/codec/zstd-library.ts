import * as zstd from '@bokuweb/zstd-wasm';
import { ZstdDecoder } from './zstd-heap.js';

/** What blocks are compressed and decompressed with. */
export interface ZstdLibrary {
  decoder: ZstdDecoder;
  compress(bytes: Uint8Array, dictionary?: Uint8Array): Uint8Array;
}

/** Compiles libzstd. */
export async function startZstd(): Promise<ZstdLibrary> {
  await zstd.init();
  const context = zstd.createCCtx();
  return {
    decoder: new ZstdDecoder(),
    compress: (bytes, dictionary) =>
      dictionary === undefined ? zstd.compress(bytes) : zstd.compressUsingDict(context, bytes, dictionary),
  };
}
