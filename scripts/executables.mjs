// Builds build/executables: kvdoctor in one file with its engine, for hosts that have no Node.js.
//   node scripts/executables.mjs [TARGET…]
// The engine is Bun, and not Node.js: Node.js needs libstdc++, libgcc and libatomic of the host, Bun the C library alone. The native
// CRC-32C is left out: it would have to be written to the disk of the host before it can be loaded, and needs libgcc there; it would save
// about 15 % of the processor time of a scan of WALs. Bun comes from npm, in the
// version and with the checksums below, so that the same sources give the same files; SHA256SUMS names them.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeOneFile } from './one-file.mjs';
import { withStackBounds } from './stack-bounds.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const output = resolve(root, 'build/executables');
const downloads = resolve(root, 'tmp/bun');

const VERSION = '1.4.5';
/** "baseline" runs on processors without AVX2, which old servers have. */
const engines = {
  'linux-x64': {
    name: 'bun-linux-x64-baseline',
    integrity:
      'sha512-s8yMwYcFnnrA178gji0gZbkE2WVDej/Ti1x770oPfihxyRxSMNhGhiAQNXV53aDeraZxksdvKV/RAdQBCd0qPA==',
  },
  'linux-arm64': {
    name: 'bun-linux-aarch64',
    integrity:
      'sha512-4BXmsSKnjOrlGWqZV4x/oWa7AVoR+B6lCXddMzOAXBIm3t50eslg9wb66gmtW1AamEQ1l1CDvmmruysEhqOWMg==',
  },
  'macos-x64': {
    name: 'bun-darwin-x64-baseline',
    integrity:
      'sha512-zqfLA5A4B+hYMh5WYzYSot3uZ06FzhdP0OEwQisEzdirYtXGj5cQFlfy31BGfNsAsk1Gd/w/OxJ/jqqJ3cMclw==',
  },
  'macos-arm64': {
    name: 'bun-darwin-aarch64',
    integrity:
      'sha512-4MIFXHmctH2EhAxLXm2/qxNtv17dFtLJylvaOCsrgq6KSqHTs6eW5YSrJjRbJxYUJaR901fsN8JfZOa+CsWpWQ==',
  },
  'windows-x64': {
    name: 'bun-windows-x64-baseline',
    integrity:
      'sha512-/U3Dc74uGqE6EUqef7mPtg9KwJs7iJH4JHRMfIZIn18MrJh6Xz4gVvWDXRvzCL2j8wPlTnJVyrO4n7Qq4uM7TQ==',
  },
};
const system = { darwin: 'macos', win32: 'windows' }[process.platform] ?? process.platform;
/** The target whose engine can run here, to build with. */
const host = `${system}-${process.arch}`;

/** The engine of a target, from npm the first time. */
function engine(target) {
  const { name, integrity } = engines[target];
  const folder = join(downloads, `${name}-${VERSION}`);
  const binary = join(folder, target.startsWith('windows') ? 'bin/bun.exe' : 'bin/bun');
  if (existsSync(binary)) return binary;
  mkdirSync(folder, { recursive: true });
  const packed = execFileSync(
    'npm',
    ['pack', `@oven/${name}@${VERSION}`, '--json', '--pack-destination', downloads],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], shell: system === 'windows' },
  );
  const archive = join(downloads, JSON.parse(packed)[0].filename);
  const sum = `sha512-${createHash('sha512').update(readFileSync(archive)).digest('base64')}`;
  if (sum !== integrity) throw new Error(`@oven/${name}@${VERSION} has another checksum: ${sum}`);
  execFileSync('tar', ['-xzf', archive, '-C', folder, '--strip-components=1']);
  rmSync(archive);
  return binary;
}

const asked = process.argv.slice(2);
const targets = asked.length > 0 ? asked : Object.keys(engines);
const unknown = targets.filter((target) => !(target in engines));
if (unknown.length > 0)
  throw new Error(`no such target: ${unknown}; there are ${Object.keys(engines).join(', ')}`);

rmSync(output, { recursive: true, force: true });
const program = join(output, 'kvdoctor.mjs');
const notices = await writeOneFile(program, {
  more: [
    // which is not in the executable either
    {
      file: /\/src\/io\/objects\/store\.ts$/,
      from: "await import('@aws-sdk/client-s3')",
      to: "await Promise.reject(Object.assign(new Error(), { code: 'ERR_MODULE_NOT_FOUND' }))",
    },
    // nor may it come from a node_modules that happens to lie where the executable is run
    { file: /\/src\/bytes\/crc32c\.ts$/, from: "require('@node-rs/crc32').crc32c", to: 'undefined' },
  ],
  // names stay: a stack trace that someone reports must be readable
  minify: { compress: true, mangle: false, codegen: { removeWhitespace: true } },
});

const sums = [];
for (const target of targets) {
  const name = `kvdoctor-${target}${target.startsWith('windows') ? '.exe' : ''}`;
  execFileSync(
    engine(host),
    [
      'build',
      '--compile',
      `--target=${engines[target].name.replace('aarch64', 'arm64')}`,
      `--compile-executable-path=${engine(target)}`,
      // the directory that it is run in configures nothing
      '--no-compile-autoload-dotenv',
      '--no-compile-autoload-bunfig',
      `--outfile=${name}`,
      'kvdoctor.mjs',
    ],
    { cwd: output, stdio: ['ignore', 'ignore', 'inherit'] },
  );
  const compiled = readFileSync(join(output, name));
  const bytes = target === 'linux-x64' ? withStackBounds(compiled) : compiled;
  writeFileSync(join(output, name), bytes);
  sums.push(`${createHash('sha256').update(bytes).digest('hex')}  ${name}\n`);
  console.log(`${join(output, name)}: ${(bytes.length / 1e6).toFixed(1)} MB`);
}
rmSync(program);
writeFileSync(
  join(output, 'THIRD-PARTY-LICENSES.txt'),
  `${notices}\nBun ${VERSION} is in it too: MIT, with JavaScriptCore (LGPL-2.0) and others; https://bun.sh/docs/project/licensing\n`,
);
writeFileSync(join(output, 'SHA256SUMS'), sums.join(''));
