/*
 * LZ4, compiled to WebAssembly by AssemblyScript into src/codec/kernel-module.ts (`npm run kernel`). Memory, which
 * src/codec/lz4.ts grows as it needs: up to 64 KiB of dictionary that end at OUTPUT, the output and eight bytes for words
 * that reach past its end, the input.
 */
export { lz4 } from './lz4';

export const OUTPUT: usize = 0x20000;
