import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compiled, rocksdbMissing } from '../support/compile.js';
import { type FileSet, fixture, readFileSet, writeFileSet } from '../support/files.js';
import { applyPatches } from '../support/patch.js';
import { inRepository } from '../support/repository.js';
import { repaired } from '../support/second-source.js';
import { seenBy } from './moments.js';

/*
 * Databases, checkpoints, backups and a replica that Debian's RocksDB makes, as sources for a repair.
 */
const missing = rocksdbMissing();
if (missing !== undefined) console.log(`skipped: ${missing}`);

describe.skipIf(missing !== undefined)('second sources that RocksDB makes', () => {
  const parent = fs.mkdtempSync(path.join(os.tmpdir(), 'kvdoctor-second-source-'));
  const at = (name: string) => path.join(parent, name);
  afterAll(() => fs.rmSync(parent, { recursive: true }));

  let clean: FileSet;
  let checkpoint: FileSet;
  let master: FileSet;
  let replica: FileSet;
  /** Another life: the same names, numbers and sizes, other values. */
  let later: FileSet;

  beforeAll(() => {
    const program = compiled(inRepository('test', 'engines', 'second-source.cc'));
    const make = (...words: string[]) => execFileSync(program, words);
    make('copies', at('db'), at('checkpoint'), at('backup'), '1');
    make('copies', at('later'), at('later-checkpoint'), at('later-backup'), '2');
    make('pair', at('master'), at('replica'), '3');
    clean = readFileSet(at('db'));
    checkpoint = readFileSet(at('checkpoint'));
    later = readFileSet(at('later'));
    master = readFileSet(at('master'));
    replica = readFileSet(at('replica'));
  }, 600_000);

  const named = (end: string, files = clean) => [...files.keys()].filter((name) => name.endsWith(end)).sort();
  const patchesOf = (name: string): string[][] => [
    [`flip ${name} 100.3`],
    [`zero ${name} 90 700`],
    [`truncate ${name} end-200`],
    [`remove ${name}`],
  ];

  it('are what they are meant to be', () => {
    expect(named('.sst').length).toBeGreaterThan(2);
    expect(named('.blob').length).toBeGreaterThan(2);
    expect(named('.log').length).toBeGreaterThan(1);
    for (const name of [...named('.sst'), ...named('.blob')]) {
      expect(later.get(name)?.length, name).toBe(clean.get(name)!.length);
      expect(Buffer.from(later.get(name)!).equals(clean.get(name)!), name).toBe(false);
    }
  });

  it('give back tables and blob files', { timeout: 300_000 }, async () => {
    for (const name of [named('.sst')[0], named('.sst').at(-1)!, named('.blob')[1]])
      for (const patches of patchesOf(name)) {
        const damaged = await applyPatches(new Map(clean), patches);
        for (const source of [checkpoint, at('backup')])
          expect((await repaired(damaged, [source])).after, patches[0]).toEqual(clean);
      }
  });

  it('give back WALs and the MANIFEST as far as they have them', { timeout: 300_000 }, async () => {
    const [manifest] = [...clean.keys()].filter((name) => name.startsWith('MANIFEST'));
    const [first] = named('.log');
    for (const patches of [
      [`flip ${first} 100.3`],
      [`zero ${first} 90 700`],
      [`truncate ${first} end-200`],
      [`zero ${manifest} 0x60 16`],
      ['write CURRENT 0 4d00'],
    ]) {
      const damaged = await applyPatches(new Map(clean), patches);
      for (const source of [checkpoint, at('backup')])
        expect((await repaired(damaged, [source])).after, patches[0]).toEqual(clean);
    }
  });

  it('make one whole of two that are damaged in different places', async () => {
    const name = named('.sst')[0];
    const damaged = await applyPatches(new Map(clean), [`zero ${name} 90 700`]);
    const its = await applyPatches(new Map(checkpoint), [`zero ${name} end-300 300`]);
    expect((await repaired(damaged, [its])).after).toEqual(clean);
    const same = await applyPatches(new Map(checkpoint), [`zero ${name} 90 700`]);
    expect((await repaired(damaged, [same])).after).toEqual(damaged);
    // what neither has whole alone
    expect((await repaired(damaged, [same, its])).after).toEqual(clean);
  });

  it('give nothing of another life, whose files have the same names and sizes', {
    timeout: 300_000,
  }, async () => {
    for (const name of [named('.sst')[0], named('.blob')[1], named('.log')[0]])
      for (const patches of patchesOf(name)) {
        const damaged = await applyPatches(new Map(clean), patches);
        for (const source of [later, at('later-backup')]) {
          const { after, plan } = await repaired(damaged, [source]);
          expect(after, patches[0]).toEqual(damaged);
          if (name.endsWith('.sst'))
            expect(plan.remarks.join('\n')).toContain('it is of another life under the same number');
        }
      }
  });

  it.for([
    ['parted', '0', 'three WALs'],
    ['parted', '2', 'three WALs'],
    ['later', '2', 'three WALs'],
    ['later', '2', 'checksummed-7.8'],
    ['one', '2', 'three WALs'],
    ['one', '2', 'checksummed-7.8'],
  ])(
    'give nothing of a clone whose files have the same numbers: %s, %s flushes, of %s',
    { timeout: 300_000 },
    async ([shape, flushes, base]) => {
      const whole = base === 'three WALs' ? clean : fixture(base);
      const program = compiled(inRepository('test', 'engines', 'second-source.cc'));
      const [mine, its] = ['5', '6'].map((seed) => {
        const name = at(`clone-${shape}-${flushes}-${base}-${seed}`);
        writeFileSet(whole, name);
        execFileSync(program, ['live', name, flushes, shape, seed]);
        return readFileSet(name);
      });
      const older = named('.sst', whole)[0];
      const logs = named('.log', mine).filter((name) => !whole.has(name));
      const tables = named('.sst', mine).filter((name) => !whole.has(name));
      expect([logs.length, tables.length]).toEqual(flushes === '0' ? [1, 0] : [3, 2]);
      for (const name of [...logs, ...tables, older]) {
        expect(its.get(name)?.length, name).toBe(mine.get(name)!.length);
        const ends = [0, mine.get(name)!.length >> 1].map((size) => `truncate ${name} ${size}`);
        for (const patch of [...patchesOf(name).flat(), ...ends, `zero ${name} 1900 end-1900`]) {
          const damaged = await applyPatches(new Map(mine), [patch]);
          const { after } = await repaired(damaged, [its]);
          // what both have of the time before is the same file, and what both wrote first the same records
          if (name === older) expect(after, patch).toEqual(mine);
          else expect([damaged, mine], patch).toContainEqual(after);
        }
      }
    },
  );

  it('give back tables and blob files, and no wrong byte of logs, when the database was opened to copy it', {
    timeout: 300_000,
  }, async () => {
    const program = compiled(inRepository('test', 'engines', 'second-source.cc'));
    for (const base of ['basic-7.8', 'blob-7.8', 'wal-large-7.8', 'formats-7.8']) {
      const whole = fixture(base);
      writeFileSet(whole, at(base));
      const sources = [at(`${base}-checkpoint`), at(`${base}-backup`)];
      execFileSync(program, ['copies-of', at(base), ...sources, '0']);
      const files = [...whole.keys()].filter((name) => (whole.get(name)?.length ?? 0) > 700);
      const numbered = files.filter((name) => /^(\d+\.(sst|blob|log)|MANIFEST-\d+)$/.test(name));
      for (const [i, name] of numbered.entries()) {
        const [patch] = patchesOf(name)[i % 4];
        const damaged = await applyPatches(new Map(whole), [patch]);
        const { after } = await repaired(damaged, [sources[i % 2]]);
        if (/sst|blob/.test(name) && fs.existsSync(path.join(sources[0], name)))
          expect(after, `${base} ${patch}`).toEqual(whole);
        else expect([damaged, whole], `${base} ${patch}`).toContainEqual(after);
      }
    }
  });

  it('give a master back its log from a replica, whole to the last entry', { timeout: 300_000 }, async () => {
    const seen = (files: FileSet) => {
      writeFileSet(files, at('seen'));
      const result = seenBy(at('seen'));
      fs.rmSync(at('seen'), { recursive: true });
      return result;
    };
    const whole = seen(master);
    expect(whole.default.n).toBe(120);
    const [first, second] = named('.log', master);
    expect(named('.log', replica)).not.toEqual([first, second]);
    for (const patches of [
      [`flip ${first} 3000.1`],
      [`zero ${second} 4096 4096`],
      [`zero ${first} end-900 900`],
      [`truncate ${first} 5000`],
      [`flip ${first} 700.1`, `zero ${second} 2000 300`],
    ]) {
      const { after } = await repaired(await applyPatches(new Map(master), patches), [replica]);
      expect(after, patches[0]).toEqual(master);
      expect(seen(after), patches[0]).toEqual(whole);
    }
  });
});
