// Compiles the kernels and writes them, in base64, as modules: tests that run from src/ and bundlers alike find them
// without a file to locate. test/kernel.test.ts holds what is there against what comes out.
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const here = fileURLToPath(new URL('.', import.meta.url));

/** Each kernel, the module it becomes, and its memory in pages of 64 KiB. */
export const KERNELS = [
  // kernel/hash/memory.ts says what the pages hold: 3 MiB, a filter of up to 15, and a window of one
  {
    source: 'hash',
    target: 'src/bytes/kernel-module.ts',
    memory: ['--initialMemory', '302', '--maximumMemory', '302'],
  },
  { source: 'codec', target: 'src/codec/kernel-module.ts', memory: ['--initialMemory', '4'] },
  { source: 'search', target: 'src/diagnose/kernel-module.ts', memory: ['--initialMemory', '4'] },
];

/** The text of a module, from the sources beside this file. */
export async function compileKernel({ source, memory }) {
  const files = new Map();
  const { error, stderr } = await asc.main(
    [
      'index.ts',
      ...['--baseDir', `${here}${source}`, '--outFile', 'kernel.wasm'],
      ...['-O3', '--converge', '--enable', 'simd', '--enable', 'bulk-memory'],
      // nothing is allocated, so there is no runtime
      ...['--runtime', 'stub', '--noAssert', '--use', 'abort=', ...memory],
    ],
    { writeFile: (name, contents) => files.set(name, contents) },
  );
  if (error) throw new Error(`${error.message}\n${stderr.toString()}`);
  const lines = Buffer.from(files.get('kernel.wasm'))
    .toString('base64')
    .match(/.{1,100}/g);
  return `// Made by \`npm run kernel\` from kernel/${source}/*.ts.
/** The compiled kernel, base64. */
export const ${source.toUpperCase()}_KERNEL = \`
${lines.join('\n')}
\`;
`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const kernel of KERNELS) writeFileSync(`${here}../${kernel.target}`, await compileKernel(kernel));
}
