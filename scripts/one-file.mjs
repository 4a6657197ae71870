// The whole command line as one module, which the bundle and the executables are made of. Worker threads run the same file.
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
import { inlining, input } from './inlining.mjs';
import { licences } from './licences.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const ENTRY = '\0kvdoctor';

const entry = {
  name: 'entry',
  resolveId: (id) => (id === ENTRY ? id : undefined),
  load: (id) =>
    id === ENTRY
      ? `import { isMainThread } from 'node:worker_threads';
if (isMainThread) await import(${JSON.stringify(resolve(root, 'src/cli/main.ts'))});
else await import(${JSON.stringify(resolve(root, 'src/scan/worker.ts'))});`
      : undefined,
};

/** Writes it to `file`, with `more` replaced in the sources. `output` is asked of rolldown. Returns the licences of what is in it. */
export async function writeOneFile(file, { more = [], ...output } = {}) {
  const inlined = inlining([
    // a thread runs the file again: the entry tells which of the two it is
    {
      file: /\/src\/scan\/threads\.ts$/,
      from: "new URL('./worker.js', import.meta.url)",
      to: 'new URL(import.meta.url)',
    },
    ...more,
  ]);
  const bundle = await rolldown({ ...input, input: ENTRY, plugins: [entry, inlined] });
  const { output: chunks } = await bundle.write({
    file,
    format: 'esm',
    codeSplitting: false,
    comments: { legal: true },
    ...output,
  });
  await bundle.close();
  inlined.check();
  return licences(chunks);
}
