import { gzipSync } from 'node:zlib';
import { compressZstd } from '../../src/codec/zstd.js';
import type { FileSet } from './files.js';
import { tarOf } from './tar.js';
import { zipOf } from './zip.js';

type Packing = (files: FileSet, prefix?: string) => Promise<Uint8Array>;

/** Archives by the names that they have. */
export const packings: [name: string, Packing][] = [
  ['db.tar', tarOf],
  ['db.tar.gz', async (files, prefix) => gzipSync(await tarOf(files, prefix), { level: 1 })],
  ['db.tar.zst', async (files, prefix) => compressZstd(await tarOf(files, prefix))],
  ['world.mcworld', async (files, prefix) => zipOf(files, prefix)],
  ['stored.zip', async (files, prefix) => zipOf(files, prefix, 0)],
];
