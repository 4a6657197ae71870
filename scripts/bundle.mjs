// Builds build/kvdoctor.mjs: the whole command line in one file, for hosts without network and without npm. It needs Node.js and
// nothing else; worker threads run the same file, WebAssembly is in it. The optional native CRC-32C is not.
import { chmodSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
import { inlining, input } from './inlining.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const require = createRequire(import.meta.url);
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

const inlined = inlining([
  // a thread runs the bundle again: the entry tells which of the two it is
  {
    file: /\/src\/scan\/threads\.ts$/,
    from: "new URL('./worker.js', import.meta.url)",
    to: 'new URL(import.meta.url)',
  },
]);
const bundle = await rolldown({ ...input, input: ENTRY, plugins: [entry, inlined] });
const output = resolve(root, process.argv[2] ?? 'build/kvdoctor.mjs');
await bundle.write({
  file: output,
  format: 'esm',
  codeSplitting: false,
  comments: { legal: true },
  banner: '#!/usr/bin/env node',
});
await bundle.close();
inlined.check();
chmodSync(output, 0o755);
const { version } = require('../package.json');
console.log(`${output}: kvdoctor ${version}, ${(readFileSync(output).length / 1e6).toFixed(1)} MB`);
