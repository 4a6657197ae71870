// Builds build/kvdoctor.mjs: the whole command line in one file, for hosts without network and without npm. It needs Node.js and
// nothing else; worker threads run the same file, WebAssembly is in it. The optional native CRC-32C is not.
import { chmodSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const root = fileURLToPath(new URL('..', import.meta.url));
const require = createRequire(import.meta.url);
const ENTRY = '\0kvdoctor';

/** What stands in one file of the sources or of a dependency, and what stands in its place in the bundle. */
const replacements = [
  // a thread runs the bundle again: the entry tells which of the two it is
  {
    file: /\/src\/scan\/pool\.ts$/,
    from: "new URL('./worker.js', import.meta.url)",
    to: 'new URL(import.meta.url)',
  },
  { file: /\/src\/scan\/pool\.ts$/, from: "import.meta.url.endsWith('.js')", to: 'true' },
  // packages that are not beside the bundle cannot be required from it
  {
    file: /\/src\/bytes\/crc32c\.ts$/,
    from: "require('crc-32/crc32c.js').buf",
    to: 'castagnoli.buf',
    head: "import castagnoli from 'crc-32/crc32c.js';\n",
  },
  {
    file: /\/@bokuweb\/zstd-wasm\/dist\/common\/index\.node\.js$/,
    from: "yield readFile(resolve(__dirname, './zstd.wasm'))",
    to: (path) =>
      `Buffer.from("${readFileSync(resolve(dirname(path), 'zstd.wasm')).toString('base64')}", "base64")`,
  },
  // Node.js warns of `new Buffer` outside of node_modules
  {
    file: /\/seek-bzip\/lib\/(index|bitreader)\.js$/,
    from: 'new Buffer(',
    to: 'bufferOf(',
    head: "const bufferOf = (of) => (typeof of === 'number' ? Buffer.alloc(of) : Buffer.from(of));\n",
  },
];

/** The JSON files of the package that the sources require, as literals. Of package.json the version is enough. */
function inlineJson(code, path) {
  return code.replace(/createRequire\(import\.meta\.url\)\('([^']+\.json)'\)/g, (_, file) => {
    const json = JSON.parse(readFileSync(resolve(dirname(path), file), 'utf8'));
    return `(${JSON.stringify(file.endsWith('package.json') ? { version: json.version } : json)})`;
  });
}

const done = new Set();

const oneFile = {
  name: 'one-file',
  resolveId: (id) => (id === ENTRY ? id : undefined),
  load: (id) =>
    id === ENTRY
      ? `import { isMainThread } from 'node:worker_threads';
if (isMainThread) await import(${JSON.stringify(resolve(root, 'src/cli/main.ts'))});
else await import(${JSON.stringify(resolve(root, 'src/scan/worker.ts'))});`
      : undefined,
  transform(code, id) {
    let changed = inlineJson(code, id);
    for (const { file, from, to, head = '' } of replacements) {
      if (!file.test(id)) continue;
      if (!changed.includes(from))
        throw new Error(`${id} no longer holds ${from}: scripts/bundle.mjs must follow it`);
      changed = head + changed.replaceAll(from, () => (typeof to === 'function' ? to(id) : to));
      done.add(from);
    }
    return changed === code ? undefined : { code: changed, map: null };
  },
};

const bundle = await rolldown({
  input: ENTRY,
  platform: 'node',
  plugins: [oneFile],
  external: ['@node-rs/crc32'],
  resolve: { extensionAlias: { '.js': ['.ts', '.js'] } },
  logLevel: 'warn',
});
const output = resolve(root, process.argv[2] ?? 'build/kvdoctor.mjs');
await bundle.write({
  file: output,
  format: 'esm',
  codeSplitting: false,
  comments: { legal: true },
  banner: '#!/usr/bin/env node',
});
await bundle.close();
const missed = replacements.filter(({ from }) => !done.has(from));
if (missed.length > 0) throw new Error(`not found: ${missed.map(({ from }) => from).join('; ')}`);
chmodSync(output, 0o755);
const { version } = require('../package.json');
console.log(`${output}: kvdoctor ${version}, ${(readFileSync(output).length / 1e6).toFixed(1)} MB`);
