import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import semver from 'semver';
import { afterAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (file: string) => JSON.parse(readFileSync(new URL(`../${file}`, import.meta.url), 'utf8'));
const manifest = read('package.json');

interface Locked {
  version: string;
  dev?: boolean;
  devOptional?: boolean;
  hasInstallScript?: boolean;
  optionalDependencies?: Record<string, string>;
  engines?: { node?: string };
  license?: string;
}

const locked = Object.entries(read('package-lock.json').packages as Record<string, Locked>);
const installed = locked.filter(([path, { dev }]) => path !== '' && !dev);

const notices = new URL('../dist/bin/THIRD-PARTY-LICENSES.txt', import.meta.url);
const built = existsSync(notices);
if (!built) console.log('skipped: npm run build has not been run');
const bundled = built ? [...readFileSync(notices, 'utf8').matchAll(/^-{80}\n\n(\S+) (\S+) \(/gm)] : [];
/** What is installed beside the package, and what is in it. */
const shipped = locked.filter(
  ([path, { version, dev }]) =>
    (path !== '' && !dev) ||
    bundled.some(([, name, its]) => version === its && path.endsWith(`node_modules/${name}`)),
);

describe('what an installation brings', () => {
  it('is the native CRC-32C and nothing else', () => {
    expect(manifest.dependencies).toBeUndefined();
    expect(Object.keys(manifest.optionalDependencies)).toEqual(['@node-rs/crc32']);
    for (const [path] of installed) expect(path).toMatch(/^node_modules\/@node-rs\/crc32/);
  });

  it('runs no script of its own', () => {
    for (const script of ['preinstall', 'install', 'postinstall', 'prepare'])
      expect(manifest.scripts, script).not.toHaveProperty(script);
  });

  it('runs no script of a dependency', () => {
    expect(shipped.filter(([, { hasInstallScript }]) => hasInstallScript).map(([path]) => path)).toEqual([]);
  });

  it('is locked for every platform, or npm ci refuses', () => {
    const names = new Set(
      locked.map(([path]) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)),
    );
    const wanted = locked.flatMap(([, { optionalDependencies = {} }]) => Object.keys(optionalDependencies));
    expect(wanted.filter((name) => !names.has(name))).toEqual([]);
  });

  it('runs on Node.js 20.19', () => {
    const refusing = shipped.filter(
      ([, { engines }]) => engines?.node && !semver.satisfies('20.19.0', engines.node),
    );
    expect(refusing.map(([path, { engines }]) => `${path} ${engines?.node}`)).toEqual([]);
    expect(semver.satisfies('20.19.0', manifest.engines.node)).toBe(true);
    expect(semver.satisfies('20.18.0', manifest.engines.node)).toBe(false);
  });

  it('pins what is below version 1', () => {
    const names = new Set(bundled.map(([, name]) => name));
    const all = { ...manifest.devDependencies, ...manifest.optionalDependencies } as Record<string, string>;
    const loose = Object.entries(all).filter(
      ([name, range]) => names.has(name) && /^[~^>]/.test(range) && semver.minVersion(range)?.major === 0,
    );
    expect(loose).toEqual([]);
  });

  it('is free software that Apache-2.0 goes with', () => {
    const fine =
      /^(MIT|ISC|BSD-[23]-Clause|Apache-2\.0|0BSD|BlueOak-1\.0\.0|CC0-1\.0|Unlicense|\(MIT OR .*\))$/;
    expect(
      shipped
        .filter(([, { license }]) => !fine.test(license ?? ''))
        .map(([path, { license }]) => `${path} ${license}`),
    ).toEqual([]);
  });
});

/** A development dependency whose install script may run: the engines that tests compare with. */
it('approves the install scripts of its own development', () => {
  const scripted = locked.filter(([, { hasInstallScript }]) => hasInstallScript).map(([path]) => path);
  expect(Object.keys(manifest.allowScripts).map((name) => `node_modules/${name}`)).toEqual(scripted);
});

/** What `npm pack` says that it packs. */
function pack(...args: string[]): { files: string[]; filename: string; size: number } {
  const output = execFileSync('npm', ['pack', '--ignore-scripts', '--json', ...args], {
    cwd: root,
    encoding: 'utf8',
  });
  const [{ files, filename, size }] = JSON.parse(output);
  return { files: files.map(({ path }: { path: string }) => path), filename, size };
}

describe('package.json', () => {
  it('points at files that are there once it is built', () => {
    const built = [
      manifest.bin.kvdoctor,
      manifest.exports['./report.schema.json'],
      manifest.exports['./kvdoctor.config.schema.json'],
      manifest.exports['./package.json'],
    ];
    for (const file of built) expect(existsSync(new URL(`../${file}`, import.meta.url)), file).toBe(true);
    expect(manifest.exports['.'].types).toBe(manifest.types);
    expect(existsSync(new URL('../src/index.ts', import.meta.url))).toBe(true);
  });

  it('ships what a user needs and nothing else', () => {
    const { files } = pack('--dry-run');
    for (const needed of [
      'bin/kvdoctor.js',
      'report.schema.json',
      'kvdoctor.config.schema.json',
      'README.md',
      'LICENSE',
      'CHANGELOG.md',
      'SECURITY.md',
      'docs/rules.md',
      'dist/bin/kvdoctor.js',
      'dist/bin/worker.js',
      'dist/bin/index.js',
      'dist/bin/THIRD-PARTY-LICENSES.txt',
      'dist/types/index.d.ts',
    ]) {
      expect(files).toContain(needed);
    }
    const allowed =
      /^(bin\/kvdoctor\.js|dist\/(bin|types)\/.*|dist\/man\/kvdoctor\.1|docs\/.*\.md|fixtures\/README\.md|(report|kvdoctor\.config)\.schema\.json|package\.json|LICENSE|(README|CHANGELOG|CONTRIBUTING|SECURITY)\.md)$/;
    expect(files.filter((file) => !allowed.test(file))).toEqual([]);
  });

  it('ships what its pages link', () => {
    const { files } = pack('--dry-run');
    for (const page of files.filter((file) => file.endsWith('.md'))) {
      const text = readFileSync(new URL(`../${page}`, import.meta.url), 'utf8').replace(/```.*?```/gs, '');
      for (const [, target] of text.matchAll(/\]\((?!https?:|#)([^)#\s]+)[^)]*\)/g)) {
        const linked = join(dirname(page), target);
        expect(
          files.some((file) => file === linked || file.startsWith(`${linked}/`)),
          `${page} links ${target}`,
        ).toBe(true);
      }
    }
  });

  it('lets the command line run from bin', () => {
    expect(readFileSync(new URL('../bin/kvdoctor.js', import.meta.url), 'utf8')).toMatch(
      /^#!\/usr\/bin\/env node\n/,
    );
  });
});

/** Bytes in the files below a directory. */
const bytesBelow = (directory: string): number =>
  readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .map((name) => statSync(join(directory, name)))
    .reduce((sum, entry) => sum + (entry.isFile() ? entry.size : 0), 0);

describe.skipIf(!built)('the packed package', () => {
  const folder = mkdtempSync(join(tmpdir(), 'kvdoctor-package-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  it('is small, is installed without a word but what was added, and runs', () => {
    const { filename, size } = pack('--pack-destination', folder);
    expect(size).toBeLessThan(1.2e6);
    // no network and an empty cache: without the optional dependency, whose largest build is 1 MB
    const apart = ['--prefix', folder, '--offline', '--cache', join(folder, 'cache')];
    const install = spawnSync('npm', ['install', '-g', ...apart, join(folder, filename)], {
      encoding: 'utf8',
    });
    expect(install.stderr).toBe('');
    expect(install.stdout).toMatch(/^\s*added 1 package in .*\s*$/);
    expect(bytesBelow(join(folder, 'lib'))).toBeLessThan(14e6);
    const run = spawnSync(join(folder, 'bin/kvdoctor'), ['--version'], { encoding: 'utf8' });
    expect(run.stdout).toBe(`${manifest.version}\n`);

    const library = `import { scanTarget } from 'kvdoctor';
      const { findings } = await scanTarget(${JSON.stringify(join(root, 'fixtures/kvrocks-race-10/db'))}, { depth: 'full' });
      console.log(findings.map(({ rule }) => rule).join());`;
    const cwd = join(folder, 'lib');
    const asked = spawnSync(process.execPath, ['--input-type=module', '-e', library], {
      cwd,
      encoding: 'utf8',
    });
    expect(asked.stdout).toBe('batch/unknown-tag\n');
  });
});
