import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { encodeLogRecords } from '../../src/encode/log/writer.js';
import { readDatabase } from '../../src/engine/database.js';
import { readManifestLog } from '../../src/format/manifest/log.js';
import { memorySource } from '../../src/io/source.js';
import { databaseView } from '../../src/recovery/database-view.js';
import { prepareOpen, simulateOpen } from '../../src/recovery/open.js';
import { realDisk } from '../../src/repair/disk.js';
import { Refusal } from '../../src/repair/refusal.js';
import { planAuto } from '../../src/repair/strategies/auto.js';
import { undo } from '../../src/repair/undo.js';
import { scanTarget } from '../../src/scan/scan.js';
import { carryOut } from '../support/carry-out.js';
import { damageCases } from '../support/case.js';
import { withDatabase } from '../support/database.js';
import { fixtureNames, readFileSet } from '../support/files.js';
import { visible } from '../support/visible.js';

const nobody = async () => {};
const plan = async (dir: string) => planAuto(await readDatabase(dir), { onLostTombstones: 'keep-hidden' });

const errorsOf = async (dir: string) =>
  (await scanTarget(dir, { jobs: 1 }, {})).findings
    .filter(({ severity }) => severity === 'error')
    .map(({ rule, file, message }) => `${rule} ${file}: ${message}`);

const healthy = fixtureNames().filter((name) => !/kvrocks|leveldb|pebble|backup-7|restate-1/.test(name));

describe('repair to whatever is best', () => {
  it.each(healthy)('changes nothing about the healthy %s', async (name) => {
    await withDatabase(name, [], async (dir) => expect((await plan(dir)).steps).toEqual([]));
  });

  it('writes a MANIFEST anew of which the engine refuses the last edit, although all its files are here', async () => {
    const truth = await withDatabase('basic-7.8', [], visible);
    await withDatabase('basic-7.8', ['zero MANIFEST-000005 0x33f 9'], async (dir) => {
      const made = await plan(dir);
      expect(made.loss).toEqual([]);
      expect(made.unproven?.map(({ file, facts }) => [file, facts])).toEqual([
        ['MANIFEST-000005', { basis: 'tables' }],
      ]);
      await carryOut(made, dir);
      expect(await visible(dir)).toEqual(truth);
      expect(await errorsOf(dir)).toEqual([]);
    });
  });

  const cases = damageCases().filter(
    ({ name, target, base }) =>
      /^(sst|manifest|blob)\/|^directory\/current/.test(name) &&
      target === '.' &&
      !/backup|leveldb|pebble|formats/.test(base),
  );

  it.each(cases.map((c) => [c.name, c] as const))(
    'of %s is clean, opens, and can be taken back',
    async (_, c) => {
      const truth = await withDatabase(c.base, [], visible);
      await withDatabase(c.base, c.patches, async (dir) => {
        const before = readFileSet(dir);
        const planned = await plan(dir).catch((error) => {
          if (error instanceof Refusal) return undefined;
          throw error;
        });
        if (planned === undefined || planned.steps.length === 0) {
          expect(readFileSet(dir)).toEqual(before);
          return;
        }
        await carryOut(planned, dir);
        expect(await errorsOf(dir)).toEqual([]);
        const database = await readDatabase(dir);
        const prepared = await prepareOpen(databaseView(database), database.engineVersion);
        expect((await simulateOpen(prepared, database.options.walRecoveryMode)).errorText).toBeUndefined();
        const seen = await visible(dir);
        const back = [...seen.keys()].filter((key) => !truth.has(key));
        expect(back, 'keys that were deleted').toEqual([]);
        if (planned.loss.length === 0) expect(seen).toEqual(truth);
        await undo(realDisk, `${dir}.kvdoctor-undo-test`, nobody);
        expect(readFileSet(dir)).toEqual(before);
      });
    },
  );

  it.each(['basic-7.8', 'basic-9.7', 'blob-7.8', 'wide-7.8'])(
    'brings all of %s back when MANIFEST and CURRENT are gone',
    async (name) => {
      const truth = await withDatabase(name, [], visible);
      await withDatabase(name, [], async (dir) => {
        const { manifest } = await readDatabase(dir);
        rmSync(join(dir, 'CURRENT'));
        rmSync(join(dir, manifest!.entry.file));
        const planned = await plan(dir);
        await carryOut(planned, dir);
        expect(await visible(dir)).toEqual(truth);
        expect(await errorsOf(dir)).toEqual([]);
      });
    },
  );

  // a server that was told to create a missing database has begun one: edits of RocksDB's NewDB
  const newDatabase = encodeLogRecords([Buffer.from([2, 0, 3, 2, 4, 0])]);

  it.each([
    ['basic-7.8', 'MANIFEST-000001', new Uint8Array(0)],
    ['basic-7.8', 'MANIFEST-000001', newDatabase],
    ['basic-9.7', 'MANIFEST-000050', newDatabase],
    ['wide-7.8', 'MANIFEST-000050', new Uint8Array(7)],
  ])('goes back from a new MANIFEST to the one that was left behind in %s', async (name, begun, bytes) => {
    const truth = await withDatabase(name, [], visible);
    await withDatabase(name, [`create CURRENT "${begun}\\n"`], async (dir) => {
      writeFileSync(join(dir, begun), bytes);
      const old = readdirSync(dir).find((file) => file.startsWith('MANIFEST-') && file !== begun);
      const planned = await plan(dir);
      expect(planned.steps.map(({ path }) => path)).toEqual(['CURRENT']);
      expect(planned.remarks.join()).toContain(`${old} is the old one`);
      await carryOut(planned, dir);
      expect(await visible(dir)).toEqual(truth);
      expect(await errorsOf(dir)).toEqual([]);
    });
  });

  it('does not call damage left alone that a later part of it puts right', async () => {
    await withDatabase('basic-7.8', [], async (dir) => {
      const { version } = await readDatabase(dir);
      const live = [...version!.columnFamilies.values()].flatMap(({ tables }) => [...tables.values()]);
      const [one, other] = live.map(({ number }) => `${String(number).padStart(6, '0')}.sst`);
      const flipped = readFileSync(join(dir, one));
      flipped[100] ^= 1;
      writeFileSync(join(dir, one), flipped);
      writeFileSync(join(dir, other), readFileSync(join(dir, other)).subarray(0, 700));
      const { steps, remarks } = await plan(dir);
      expect(steps.length).toBeGreaterThan(1);
      expect(remarks.filter((remark) => remark.startsWith('left alone'))).toEqual([]);
      expect(remarks.some((remark) => remark.startsWith(`healed first: ${one}`))).toBe(true);
    });
  });

  it('says what is lost with a blob file that is gone and that the MANIFEST no longer names', () =>
    withDatabase('blob-7.8', [], async (dir) => {
      const truth = await visible(dir);
      rmSync(join(dir, (await readDatabase(dir)).manifest!.entry.file));
      rmSync(join(dir, readdirSync(dir).findLast((name) => name.endsWith('.blob'))!));
      const planned = await plan(dir);
      expect(planned.loss.length).toBeGreaterThan(0);
      await carryOut(planned, dir);
      expect((await visible(dir)).size).toBeLessThan(truth.size);
      expect(await errorsOf(dir)).toEqual([]);
    }));

  describe('where no MANIFEST names the tables', () => {
    const withoutManifest = (
      of: (bytes: Buffer) => Uint8Array,
      body: (dir: string, table: string) => Promise<void>,
    ) =>
      withDatabase('basic-7.8', [], async (dir) => {
        rmSync(join(dir, (await readDatabase(dir)).manifest!.entry.file));
        const table = readdirSync(dir).find((name) => name.endsWith('.sst'))!;
        writeFileSync(join(dir, table), of(readFileSync(join(dir, table))));
        await body(dir, table);
      });

    it('says that one is lost that cannot be read whole', () =>
      withoutManifest(
        (bytes) => bytes.subarray(0, 700),
        async (dir, table) => expect((await plan(dir)).loss.map(({ file }) => file)).toContain(table),
      ));

    // handle of the metaindex, of no index, and the magic number of plain tables (rocksdb table/plain/plain_table_builder.cc)
    const plainFooter = Buffer.concat([
      Buffer.from('b63921', 'hex'),
      Buffer.alloc(37),
      Buffer.from('b8138f7aeb18344f', 'hex'),
    ]);
    it('refuses where one is of a kind that kvdoctor does not read: the engine would delete it', () =>
      withoutManifest(
        (bytes) => Buffer.concat([bytes.subarray(0, 700), plainFooter]),
        async (dir, table) => {
          const refused = await plan(dir).then(
            () => undefined,
            (error: Refusal) => error,
          );
          expect(refused).toBeInstanceOf(Refusal);
          expect(refused!.message).toMatch(new RegExp(`${table}.*a plain table`));
        },
      ));
  });

  it('raises a last sequence that hides what tables hold', async () => {
    const { base, patches } = damageCases().find(({ name }) => name === 'sequence/last-sequence-too-low')!;
    await withDatabase(base, patches, async (dir) => {
      const findings = (await scanTarget(dir, { jobs: 1 }, {})).findings;
      const planned = await planAuto(await readDatabase(dir), { findings });
      expect(planned).toMatchObject({
        loss: [],
        remarks: ['the last sequence becomes 304, that of the tables; readers get what they hold again'],
      });
      await carryOut(planned, dir);
      expect(await errorsOf(dir)).toEqual([]);
    });
  });

  it('takes over what the MANIFEST that was left behind does not know', async () => {
    const truth = await withDatabase('basic-9.7', [], visible);
    await withDatabase('basic-9.7', ['create CURRENT "MANIFEST-000050\\n"'], async (dir) => {
      writeFileSync(join(dir, 'MANIFEST-000050'), newDatabase);
      // without its last edit, the one that added a table
      const edits: Uint8Array[] = [];
      const old = join(dir, 'MANIFEST-000011');
      await readManifestLog(memorySource(readFileSync(old)), {
        record: ({ payload }) => edits.push(payload.slice()),
        damage() {},
        oversized() {},
      });
      writeFileSync(old, encodeLogRecords(edits.slice(0, -1)));
      const planned = await plan(dir);
      expect(planned.steps.map(({ path }) => path)).toContain('CURRENT');
      await carryOut(planned, dir);
      expect(await visible(dir)).toEqual(truth);
    });
  });
});
