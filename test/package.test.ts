import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import semver from 'semver';
import { describe, expect, it } from 'vitest';

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
const shipped = locked.filter(([path, { dev }]) => path !== '' && !dev);

describe('what an installation brings', () => {
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
    const all = { ...manifest.dependencies, ...manifest.optionalDependencies } as Record<string, string>;
    const loose = Object.entries(all).filter(
      ([, range]) => /^[~^>]/.test(range) && semver.minVersion(range)?.major === 0,
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
    const packed = JSON.parse(
      execFileSync('npm', ['pack', '--dry-run', '--ignore-scripts', '--json'], {
        cwd: root,
        encoding: 'utf8',
      }),
    );
    const files: string[] = packed[0].files.map(({ path }: { path: string }) => path);
    for (const needed of [
      'bin/kvdoctor.js',
      'report.schema.json',
      'kvdoctor.config.schema.json',
      'README.md',
      'LICENSE',
      'CHANGELOG.md',
      'SECURITY.md',
      'docs/rules.md',
    ]) {
      expect(files).toContain(needed);
    }
    const allowed =
      /^(bin\/|dist\/|docs\/|(report|kvdoctor\.config)\.schema\.json|package\.json|README\.md|LICENSE|CHANGELOG\.md|SECURITY\.md)/;
    expect(files.filter((file) => !allowed.test(file))).toEqual([]);
  });

  it('lets the command line run from bin', () => {
    expect(readFileSync(new URL('../bin/kvdoctor.js', import.meta.url), 'utf8')).toMatch(
      /^#!\/usr\/bin\/env node\n/,
    );
  });
});
