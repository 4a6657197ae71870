// Builds what the package ships of dist/: dist/bin, the command line, its worker thread and the library in few files that share
// their code and hold every dependency, each file loaded when it is needed; and dist/types, the declarations of the library.
// Node.js loads several hundred small files in a quarter of a second, in every thread; these in a few hundredths.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
import { chunkGroups } from './chunks.mjs';
import { inlining, input } from './inlining.mjs';
import { licences } from './licences.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = resolve(root, 'dist');
const output = resolve(dist, 'bin');

const entries = {
  kvdoctor: resolve(root, 'src/cli/main.ts'),
  worker: resolve(root, 'src/scan/worker.ts'),
  index: resolve(root, 'src/index.ts'),
};
const inlined = inlining();
const bundle = await rolldown({
  ...input,
  input: entries,
  // the library exports what src/index.ts does and nothing else
  preserveEntrySignatures: 'strict',
  // one command loads at once what another loads when it needs it
  checks: { ineffectiveDynamicImport: false },
  plugins: [inlined],
});
rmSync(output, { recursive: true, force: true });
const written = await bundle.write({
  dir: output,
  format: 'esm',
  entryFileNames: '[name].js',
  chunkFileNames: '[name]-[hash].js',
  codeSplitting: { groups: chunkGroups(root, Object.values(entries)) },
  comments: { legal: true },
  // names of functions and classes stay: a stack trace that someone reports must be readable
  minify: {
    compress: true,
    mangle: { toplevel: false, keepNames: true },
    codegen: { removeWhitespace: true },
  },
});
await bundle.close();
inlined.check();
writeFileSync(join(output, 'THIRD-PARTY-LICENSES.txt'), licences(written.output));

/** Every rule with its texts as a type: no program needs to know them, and they are the largest part of all declarations. */
const RULE_TYPE = /\{\s*readonly severity: '\w+';[^}]*\}/g;

/** Copies a declaration file and those that it names. */
function ship(file, shipped = new Set()) {
  if (shipped.has(file)) return;
  shipped.add(file);
  const copy = join(dist, 'types', relative(dist, file));
  mkdirSync(dirname(copy), { recursive: true });
  const text = readFileSync(file, 'utf8');
  writeFileSync(copy, text.replace(RULE_TYPE, 'Rule'));
  for (const [, named] of text.matchAll(/(?:from |import\(|import )'(\.[^']+)\.js'/g))
    ship(resolve(dirname(file), `${named}.d.ts`), shipped);
}
rmSync(join(dist, 'types'), { recursive: true, force: true });
ship(join(dist, 'index.d.ts'));

// the manual page says what --help says
const { makeProgram } = await import(join(dist, 'cli/program.js'));
const { manPage } = await import(join(dist, 'cli/man-page.js'));
const { version } = JSON.parse(readFileSync(resolve(root, 'package.json'), 'utf8'));
const [, date = ''] =
  new RegExp(`^## ${version.replaceAll('.', '\\.')} \\((.+)\\)$`, 'm').exec(
    readFileSync(resolve(root, 'CHANGELOG.md'), 'utf8'),
  ) ?? [];
const quiet = { write() {}, on() {} };
const page = manPage(
  makeProgram({ stdout: quiet, stderr: quiet, stdin: quiet, env: {} }, () => {}),
  { version, date },
);
mkdirSync(join(dist, 'man'), { recursive: true });
writeFileSync(join(dist, 'man/kvdoctor.1'), page);
