// Builds dist/bin: the command line and its worker thread in few files, each loaded when it is needed. Node.js loads several
// hundred small files in a quarter of a second, in every thread; these in a few hundredths.
import { rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
import { inlining, input } from './inlining.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const output = resolve(root, 'dist/bin');

const inlined = inlining();
const bundle = await rolldown({
  ...input,
  input: { kvdoctor: resolve(root, 'src/cli/main.ts'), worker: resolve(root, 'src/scan/worker.ts') },
  plugins: [inlined],
});
rmSync(output, { recursive: true, force: true });
await bundle.write({
  dir: output,
  format: 'esm',
  entryFileNames: '[name].js',
  chunkFileNames: '[name]-[hash].js',
  comments: { legal: true },
  // names stay: a stack trace that someone reports must be readable
  minify: { compress: true, mangle: false, codegen: { removeWhitespace: true } },
});
await bundle.close();
inlined.check();
