// Compiles the kernel and writes it, in base64, as a module: tests that run from src/ and bundlers alike find it without
// a file to locate. `--check` only compares (test/bytes/kernel.test.ts does the same).
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const target = fileURLToPath(new URL('../src/bytes/kernel-module.ts', import.meta.url));

/** The text of the module, from the sources beside this file. */
export async function compileKernel() {
  const files = new Map();
  const { error, stderr } = await asc.main(
    [
      'index.ts',
      ...['--baseDir', fileURLToPath(new URL('.', import.meta.url))],
      ...['--outFile', 'kernel.wasm', '-O3', '--converge', '--enable', 'simd'],
      // nothing is allocated, so there is no runtime; kernel/memory.ts says what the 33 pages hold
      ...[
        '--runtime',
        'stub',
        '--noAssert',
        '--use',
        'abort=',
        '--initialMemory',
        '33',
        '--maximumMemory',
        '33',
      ],
    ],
    { writeFile: (name, contents) => files.set(name, contents) },
  );
  if (error) throw new Error(`${error.message}\n${stderr.toString()}`);
  const lines = Buffer.from(files.get('kernel.wasm'))
    .toString('base64')
    .match(/.{1,100}/g);
  return `// Made by \`npm run kernel\` from kernel/*.ts.
/** The compiled kernel, base64. */
export const KERNEL = \`
${lines.join('\n')}
\`;
`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const text = await compileKernel();
  if (!process.argv.includes('--check')) writeFileSync(target, text);
  else if (readFileSync(target, 'utf8') !== text) {
    console.error('src/bytes/kernel-module.ts is not what kernel/ compiles to: npm run kernel');
    process.exit(1);
  }
}
