import * as zstd from '@bokuweb/zstd-wasm';
import { startLibzstd, ZstdDecoder } from './zstd-heap.js';

/** What blocks are compressed and decompressed with. */
interface ZstdLibrary {
  decoder: ZstdDecoder;
  compress(bytes: Uint8Array, dictionary?: Uint8Array): Uint8Array;
}

let started: ZstdLibrary | undefined;

/** libzstd, compiled with the first frame: that takes nine milliseconds, and most databases hold none. */
export function zstdLibrary(): ZstdLibrary {
  if (started !== undefined) return started;
  startLibzstd();
  const context = zstd.createCCtx();
  started = {
    decoder: new ZstdDecoder(),
    compress: (bytes, dictionary) =>
      dictionary === undefined ? zstd.compress(bytes) : zstd.compressUsingDict(context, bytes, dictionary),
  };
  return started;
}
