import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, renameSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { readDatabase } from '../../src/engine/database.js';
import { shellWord } from '../../src/finding/shell-word.js';
import { restoreWals } from '../../src/repair/simulate-target.js';
import { damageCases } from '../support/case.js';
import { withDatabase } from '../support/database.js';
import { hasSharedArchive, withFieldCase, withSharedArchive } from '../support/field.js';
import { faultsOf, journey, typed } from '../support/journey.js';
import { inRepository } from '../support/repository.js';

/** Every so many of the cases, so that all areas are met and it takes seconds. */
const SAMPLE = Number(process.env.KVDOCTOR_JOURNEYS ?? 20);
const cases = damageCases().filter((_, i) => i % SAMPLE === 0);

const folders = (folder: string) =>
  readdirSync(inRepository(folder))
    .filter((name) => name.endsWith('.tar.gz'))
    .map((name) => name.slice(0, -'.tar.gz'.length));

/** Where containers keep volumes: longer than a line of a terminal. */
const VOLUME = `docker/volumes/${'0123456789abcdef'.repeat(5)}-data/_data`;

describe('what every screen says is next', () => {
  it.each(cases.map((each) => [each.name, each] as const))('leads somewhere from %s', (_, each) =>
    withDatabase(each.base, each.patches, async (dir) => {
      const steps = await journey(`kvdoctor scan ${path.join(dir, each.target)}`);
      expect(await faultsOf(steps)).toEqual([]);
    }),
  );

  it.each(folders('fixtures/field').filter((_, i) => i % 7 === 3))('leads somewhere from %s', (name) =>
    withFieldCase(name, [], async (dir) => {
      expect(await faultsOf(await journey(`kvdoctor scan ${dir}`))).toEqual([]);
    }),
  );

  it.each([VOLUME, "my databases/it's this one"])('is one line that a shell takes: %s', (place) =>
    withDatabase('basic-7.8', ['flip 000019.log 0x60.3'], async (dir) => {
      const moved = path.join(path.dirname(dir), place);
      mkdirSync(path.dirname(moved), { recursive: true });
      renameSync(dir, moved);
      const steps = await journey(`kvdoctor scan ${shellWord(moved)}`);
      expect(await faultsOf(steps)).toEqual([]);
      expect(steps.map(({ line }) => line)).toEqual([
        `kvdoctor scan ${shellWord(moved)}`,
        `kvdoctor repair --strategy heal --dry-run ${shellWord(moved)}`,
        `kvdoctor repair --strategy heal ${shellWord(moved)}`,
        `mv ${shellWord(moved)} ${shellWord(`${moved}.damaged`)}`,
        `mv ${shellWord(`${moved}.repaired`)} ${shellWord(moved)}`,
        `kvdoctor scan ${shellWord(moved)}`,
      ]);
      expect(steps.at(-1)).toMatchObject({ status: 0 });
    }),
  );

  // real directories that are too large for the repository
  const shared = 'field/rsync-compaction.tar.gz';
  it.skipIf(!hasSharedArchive(shared))('leads somewhere from real directories as well', () =>
    withSharedArchive(shared, async (parent) => {
      const [name] = readdirSync(parent);
      expect(await faultsOf(await journey(`kvdoctor scan ${path.join(parent, name)}`))).toEqual([]);
    }),
  );

  it('names healing first where a cut would lose what is proven', () =>
    withDatabase('basic-7.8', ['flip 000019.log 0x60.3'], async (dir) => {
      const { text, printed } = await typed(`kvdoctor repair --mode point-in-time --dry-run ${dir}`);
      expect(printed.slice(-2)).toEqual([
        { label: 'next', line: `kvdoctor repair --strategy heal --dry-run ${dir}` },
        { label: 'also', line: `kvdoctor repair --mode point-in-time ${dir}` },
      ]);
      expect(text).not.toContain('--accept-hole');
    }));

  it('is an export of what can be read where Titan’s files are damaged, which no repair writes', () => {
    const record = damageCases().find(({ name }) => name === 'titan/record')!;
    return withDatabase(record.base, record.patches, async (dir) => {
      const steps = await journey(`kvdoctor scan ${dir}`);
      expect(steps[1].line).toContain('kvdoctor export --lenient --output');
      expect(await faultsOf(steps)).toEqual([]);
    });
  });

  it('is told of every damaged target of a scan', () =>
    withDatabase('basic-7.8', ['flip 000019.log 0x60.3'], (healable) =>
      withDatabase('basic-7.8', ['remove 000014.sst'], async (incomplete) => {
        const { printed } = await typed(`kvdoctor scan ${healable} ${incomplete}`);
        expect(printed.slice(-2)).toEqual([
          { label: 'next', line: `kvdoctor repair --strategy heal --dry-run ${healable}` },
          { label: 'next', line: `kvdoctor repair --strategy auto --dry-run ${incomplete}` },
        ]);
      }),
    ));

  it('does not lead to an export of what cannot be read', () =>
    withDatabase('pebble', [], async (dir) => {
      const steps = await journey(`kvdoctor scan ${dir}`);
      expect(await faultsOf(steps)).toEqual([]);
      expect(steps.at(-1)).toMatchObject({
        line: `kvdoctor repair --strategy auto --dry-run ${dir}`,
        printed: [],
      });
    }));

  it('exports a directory of Pebble whose filters leave a suffix out so that a scan of it is clean', () =>
    withDatabase('pebble-stores/rangekeys', [], async (dir) => {
      await typed(`kvdoctor export --lenient --output ${dir}.export ${dir}`);
      expect((await typed(`kvdoctor scan ${dir}.export`)).status).toBe(0);
    }));

  it('gives two WALs that hold each other their names back', () =>
    withDatabase('wal-large-7.8', [], async (dir) => {
      const at = (name: string) => path.join(dir, name);
      renameSync(at('000010.log'), at('aside'));
      renameSync(at('000012.log'), at('000010.log'));
      renameSync(at('aside'), at('000012.log'));
      const steps = await journey(`kvdoctor scan ${dir}`);
      expect(steps.map(({ line }) => line)).toEqual([
        `kvdoctor scan ${dir}`,
        `mv ${dir}/000010.log ${dir}/000010.log.exchanged && mv ${dir}/000012.log ${dir}/000010.log && mv ${dir}/000010.log.exchanged ${dir}/000012.log && kvdoctor scan ${dir}`,
      ]);
      expect(steps.map(({ status }) => status)).toEqual([1, 0]);
    }));

  it('says what a WAL that is gone leaves to do', () =>
    withDatabase('wal-recycled-11.9', ['remove 000023.log'], async (dir) => {
      const steps = await journey(`kvdoctor scan ${dir}`);
      expect(await faultsOf(steps)).toEqual([]);
      expect(steps[2].line).toBe(`kvdoctor repair --strategy auto --state 2 --dry-run ${dir}`);
      expect(steps.at(-1)).toMatchObject({ line: `kvdoctor scan ${dir}`, status: 0 });
      // where no state ends before it, a copy that has the file is all that is left
      const database = await readDatabase(dir);
      expect(restoreWals(database, ['000023.log']).command).toBe(`cp -p COPY/000023.log ${dir}/`);
    }));

  it('gives up nothing for a WAL that is gone where tables hold every sequence that was in it', () =>
    withDatabase('wal-large-7.8', ['remove 000010.log'], async (dir) => {
      const steps = await journey(`kvdoctor scan ${dir}`);
      expect(steps.map(({ line, status }) => [line, status])).toEqual([
        [`kvdoctor scan ${dir}`, 0],
        [`kvdoctor simulate ${dir}`, 0],
      ]);
      expect(steps[0].text.replaceAll(/\n +/g, ' ')).toContain(
        '60 sequence numbers are in no WAL; tables hold all of them',
      );
      expect(steps[1].text).not.toContain('--state 2');
    }));

  it.each([
    { base: 'leveldb', patches: ['zero 000005.ldb 100 100', 'flip 000004.log 300.2'] },
    { base: 'basic-7.8', patches: ['zero 000014.sst 512 512', 'flip 000019.log 0x60.3'] },
  ])('does not stop at healing where that leaves other damage: $base', ({ base, patches }) =>
    withDatabase(base, patches, async (dir) => {
      const steps = await journey(`kvdoctor scan ${dir}`);
      expect(await faultsOf(steps)).toEqual([]);
      expect(steps[1].line).toBe(`kvdoctor repair --strategy auto --dry-run ${dir}`);
      expect(steps.at(-1)).toMatchObject({ line: `kvdoctor scan ${dir}`, status: 0 });
    }),
  );

  it('puts the repair of a repaired copy where the first original stands', () =>
    withDatabase('leveldb', ['zero 000005.ldb 100 100', 'flip 000004.log 300.2'], async (dir) => {
      const healed = await typed(`kvdoctor repair --strategy heal ${dir}`);
      expect(healed.status).toBe(5);
      // whoever was asked is shown what is left
      expect(healed.out).toContain('error sst/block-checksum   000005.ldb');
      const { text, status } = await typed(`kvdoctor repair --strategy auto ${dir}.repaired`);
      expect(status).toBe(0);
      expect(text).toContain(`mv ${dir} ${dir}.damaged\n      mv ${dir}.repaired.repaired ${dir}\n`);
    }));

  it('leads out of an archive', () =>
    withDatabase('basic-7.8', ['zero 000014.sst 512 512'], async (dir) => {
      execFileSync('tar', ['-cf', `${dir}.tar`, '-C', path.dirname(dir), 'db']);
      const steps = await journey(`kvdoctor scan ${dir}.tar`);
      expect(await faultsOf(steps)).toEqual([]);
      expect(steps[1].line).toBe(`mkdir ${dir}.tar.unpacked && tar -xf ${dir}.tar -C ${dir}.tar.unpacked`);
      expect(steps.at(-1)).toMatchObject({ status: 0 });
    }));

  const marker = 'corpus/real/restate/d1.7.12-log-marker-gone.tar.gz';
  it.skipIf(!hasSharedArchive(marker))(
    'says of a clean result again what its application will not take',
    () =>
      withSharedArchive(marker, async (parent) => {
        const dir = path.join(parent, readdirSync(parent)[0]);
        const { text, printed } = await typed(`kvdoctor repair --strategy auto ${dir}`);
        expect(text.replaceAll('\n', ' ')).toContain(
          'is not coherent to Restate log server, as the plan said',
        );
        expect(printed.at(-1)).toEqual({ label: 'next', line: `kvdoctor scan --application ${dir}` });
      }),
  );

  it('has the engine say why it refuses', () =>
    withDatabase('basic-7.8', ['remove 000014.sst'], async (dir) => {
      const { text } = await typed(`kvdoctor scan ${dir}`);
      expect(text).toContain('RocksDB 7.8.3 in its own mode, point-in-time, refuses to open it:');
      // 7.8 looks for a table under its old name last, and names that
      expect(text.replaceAll(/\n +/g, ' ')).toContain(
        'While open a file for random read: 000014.ldb: No such file or directory in file MANIFEST-',
      );
    }));
});
