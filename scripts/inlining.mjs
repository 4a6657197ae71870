// What the bundles have in common: what must be said otherwise where sources and dependencies end up in few files.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, resolve } from 'node:path';
import { brotliCompressSync, constants } from 'node:zlib';

const { resolve: find } = createRequire(import.meta.url);
const zstd = find('@bokuweb/zstd-wasm');

/** What stands in one file of the sources or of a dependency, and what stands in its place in the bundle. */
const common = [
  { file: /\/src\/scan\/threads\.ts$/, from: "import.meta.url.endsWith('.js')", to: 'true' },
  // packages that are not beside the bundle cannot be required from it
  {
    file: /\/src\/bytes\/crc32c\.ts$/,
    from: "require('crc-32/crc32c.js').buf",
    to: 'castagnoli.buf',
    head: "import castagnoli from 'crc-32/crc32c.js';\n",
  },
  {
    file: /\/src\/codec\/zstd-heap\.ts$/,
    from: "readFileSync(join(require.resolve('@bokuweb/zstd-wasm'), '../zstd.wasm'))",
    head: "import { brotliDecompressSync } from 'node:zlib';\n",
    // a third of its size: what is loaded is what most of the package is
    to: () => {
      const wasm = readFileSync(resolve(zstd, '../zstd.wasm'));
      // the highest quality takes more than twice as long for two hundredths less
      const small = brotliCompressSync(wasm, { params: { [constants.BROTLI_PARAM_QUALITY]: 10 } });
      return `brotliDecompressSync(Buffer.from("${small.toString('base64')}", "base64"))`;
    },
  },
  {
    file: /\/src\/codec\/zstd-heap\.ts$/,
    from: "require(join(require.resolve('@bokuweb/zstd-wasm'), '../module.js')).Module",
    to: 'Module',
    head: `import { Module } from ${JSON.stringify(resolve(zstd, '../module.js'))};\n`,
  },
  // it starts programs for subcommands that are executables: here are none, and the module brings the network's with it
  {
    file: /\/commander\/lib\/command\.js$/,
    from: "const childProcess = require('node:child_process');",
    to: 'const childProcess = undefined;',
  },
  // ten milliseconds that text without marks and emoji does not need: each of these characters is a cluster of its own
  ...[
    /(?<!\/(?:cli-progress|cli-table3)\/node_modules)\/string-width\/index\.js$/,
    /\/wrap-ansi\/index\.js$/,
  ].map((file) => ({
    file,
    from: 'const segmenter = new Intl.Segmenter();',
    to:
      'let made;\nconst segmenter = { segment: (text) => /^[ -\\u02ff\\u2010-\\u2027\\u2190-\\u21ff\\u2500-\\u25ff]*$/.test(text) ? ' +
      'Array.from(text, (segment) => ({ segment })) : (made ??= new Intl.Segmenter()).segment(text) };',
  })),
  // V8 puts the set of all emoji together where it reads the expression, which takes a third of the time of `--version`. None is without
  // U+231A or above: those below need U+FE0F after them
  {
    file: /(?<!\/(?:cli-progress|cli-table3)\/node_modules)\/string-width\/index\.js$/,
    from: 'const rgiEmojiRegex = /^\\p{RGI_Emoji}$/v;',
    to:
      'let rgiEmoji;\n' +
      "const rgiEmojiRegex = { test: (text) => /[\\u231a-\\uffff]/.test(text) && (rgiEmoji ??= new RegExp('^\\\\p{RGI_Emoji}$', 'v')).test(text) };",
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
    if (file.endsWith('package.json')) return `({ version: ${JSON.stringify(json.version)} })`;
    // V8 skips a string faster than a literal of the same length, and most runs never read it
    return `JSON.parse(${JSON.stringify(JSON.stringify(json))})`;
  });
}

/**
 * A rolldown plugin that makes the replacements, `more` beside those that every bundle needs. `check()` throws unless each of
 * them found its place.
 */
export function inlining(more = []) {
  const replacements = [...common, ...more];
  const done = new Set();
  return {
    name: 'inlining',
    transform(code, id) {
      let changed = inlineJson(code, id);
      for (const { file, from, to, head = '' } of replacements) {
        if (!file.test(id)) continue;
        if (!changed.includes(from))
          throw new Error(`${id} no longer holds ${from}: scripts/inlining.mjs must follow it`);
        changed = head + changed.replaceAll(from, () => (typeof to === 'function' ? to(id) : to));
        done.add(`${file} ${from}`);
      }
      return changed === code ? undefined : { code: changed, map: null };
    },
    check() {
      const missed = replacements.filter(({ file, from }) => !done.has(`${file} ${from}`));
      if (missed.length > 0) throw new Error(`not found: ${missed.map(({ from }) => from).join('; ')}`);
    },
  };
}

/** What both bundles ask of rolldown. */
export const input = {
  platform: 'node',
  external: ['@node-rs/crc32', '@aws-sdk/client-s3'],
  resolve: {
    extensionAlias: { '.js': ['.ts', '.js'] },
    // the form of it that is not all or nothing: of two dozen hash functions we use four
    alias: { 'hash-wasm': resolve(find('hash-wasm'), '../index.esm.js') },
  },
  logLevel: 'warn',
};
