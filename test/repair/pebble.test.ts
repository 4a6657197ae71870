import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { encodeLogRecords } from '../../src/encode/log/writer.js';
import { lowerMarkerBarrier, raiseBarrier } from '../../src/repair/barrier.js';
import { realDisk } from '../../src/repair/disk.js';
import type { RepairMethod } from '../../src/repair/method.js';
import { simulateTarget } from '../../src/repair/simulate-target.js';
import { undoRepair } from '../../src/repair/undo-repair.js';
import { withDatabase } from '../support/database.js';
import { readFileSet } from '../support/files.js';
import { repaired, rewriteManifest, shown } from '../support/pebble.js';
import { repairInPlace } from '../support/repair.js';

const auto: RepairMethod = { strategy: 'auto' };
const heal: RepairMethod = { strategy: 'heal' };

// what Pebble 1.1.5 itself showed of the whole directories
const WHOLE = {
  cosmos: '941 1ca97d616838b00f',
  virtual: '307 b3b89ff5a9e4bd89',
  rangekeys: '338 ee2007791fa64d2b',
} as const;

const [version, named] = ['marker.format-version.000015.016', 'marker.manifest.000001.MANIFEST-000001'];

describe('simulate of a Pebble directory', () => {
  it('does not say that nothing is lost where the WAL that the MANIFEST begins with is gone', () =>
    withDatabase('pebble-stores/cosmos', ['remove 000012.log'], async (dir) => {
      const { goneWals, recovery } = await simulateTarget(dir);
      expect(recovery?.[0].opens).toBe(true);
      expect(goneWals).toEqual(['000012.log']);
    }));

  it('misses no WAL of whole ones', async () => {
    for (const name of ['cosmos', 'virtual', 'rangekeys'])
      await withDatabase(`pebble-stores/${name}`, [], async (dir) => {
        expect((await simulateTarget(dir)).goneWals).toBeUndefined();
      });
  });
});

describe('repair of a Pebble directory', () => {
  it.each<[string, keyof typeof WHOLE, string[]]>([
    ['puts CURRENT back at format version 1', 'cosmos', ['remove CURRENT']],
    ['names the MANIFEST in a CURRENT that names none', 'cosmos', ['truncate CURRENT 0']],
    ['takes a marker away that makes format version 1 another', 'cosmos', [`create ${version} ""`]],
    ['puts the marker of the MANIFEST back', 'virtual', [`remove ${named}`]],
    ['puts both markers back', 'rangekeys', [`remove ${named}`, `remove ${version}`]],
    [
      'puts both markers and CURRENT back',
      'virtual',
      [`remove ${named}`, `remove ${version}`, 'remove CURRENT'],
    ],
    ['names the MANIFEST that is there', 'virtual', [`move ${named} marker.manifest.000004.MANIFEST-000077`]],
    ['takes a malformed marker away', 'virtual', ['create marker.manifest "x"']],
    [
      'puts a format version right that there is not',
      'virtual',
      [`move ${version} marker.format-version.000015.816`],
    ],
  ])('%s', async (_, base, patches) => {
    await withDatabase(`pebble-stores/${base}`, patches, async (dir) => {
      const { repair, findings } = await repaired(dir);
      expect(repair?.reason).toBeUndefined();
      expect(repair?.state).toBe('repaired');
      expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]);
      expect(await shown(dir)).toBe(WHOLE[base]);
    });
  });

  it.each([
    ['cosmos', 'flip 000012.log 0x30.1'],
    ['cosmos', 'flip 000010.sst 0x40.2'],
    ['cosmos', 'flip 000011.sst 0x2fe.1'],
    ['cosmos', 'flip MANIFEST-000013 0x3e.4'],
    ['cosmos', 'truncate CURRENT 15'],
    ['rangekeys', 'flip MANIFEST-000001 0x80.3'],
    ['virtual', 'flip 000004.log 0x3e6.1'],
  ])('puts back what is proven: %s, %s', async (store, patch) => {
    const whole = await withDatabase(`pebble-stores/${store}`, [], async (dir) => readFileSet(dir));
    await withDatabase(`pebble-stores/${store}`, [patch], async (dir) => {
      expect((await repaired(dir, heal)).repair?.state).toBe('repaired');
      expect(readFileSet(dir)).toEqual(whole);
    });
  });

  it('cuts a log at the last consistent point, and leaves out what follows', async () => {
    await withDatabase('pebble-stores/virtual', ['zero 000004.log 0x40 40'], async (dir) => {
      const { repair, plan } = await repaired(dir);
      expect(repair?.state).toBe('repaired');
      expect(plan?.loss.length).toBeGreaterThan(0);
      expect(await shown(dir)).toMatch(/^\d+ /);
    });
  });

  it('says which deletions a cut log takes along', async () => {
    await withDatabase('pebble-stores/rangekeys', ['zero 000006.log 20 20'], async (dir) => {
      const { plan } = await repaired(dir);
      expect(plan?.loss.map(({ detail }) => detail)).toContain(
        'among them 1 deletion of ranges: older values that it hid show again',
      );
    });
  });

  it('ends before a hole between logs', async () => {
    await withDatabase('pebble-stores/virtual', ['truncate 000004.log 382'], async (dir) => {
      const { repair, plan, findings } = await repaired(dir);
      expect(repair?.state).toBe('repaired');
      expect(plan?.steps.map(({ action, file }) => `${action} ${file}`)).toEqual([
        'remove 000013.log',
        'remove 000012.log',
      ]);
      // the logs bring the tables in
      const lost = ['000012.log', '000013.log', '000010.sst', '000011.sst'];
      expect(plan?.loss.map(({ file }) => file)).toEqual(lost);
      expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]);
    });
  });

  it('begins with an empty log where the one that the MANIFEST begins with is missing', async () => {
    await withDatabase('pebble-stores/rangekeys', ['remove 000006.log'], async (dir) => {
      const { repair, plan } = await repaired(dir);
      expect(repair?.state).toBe('repaired');
      expect(plan?.loss).toEqual([
        { file: '000006.log', detail: 'all that this log held: the file is gone', facts: {} },
      ]);
      expect(await shown(dir)).toMatch(/^\d+ /);
    });
  });

  it('writes a MANIFEST with its whole edits alone, where no table counts on the others', async () => {
    const garbage = `append MANIFEST-000013 "${'remains of something else '.repeat(20)}"`;
    await withDatabase('pebble-stores/cosmos', [garbage], async (dir) => {
      const { findings } = await repaired(dir);
      expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]);
      expect(await shown(dir)).toBe(WHOLE.cosmos);
    });
  });

  it('refuses a MANIFEST that has lost an edit which named a table', async () => {
    await withDatabase('pebble-stores/virtual', ['zero MANIFEST-000001 0x40 24'], async (dir) => {
      const before = readFileSet(dir);
      expect((await repaired(dir)).repair?.state).toBe('refused');
      expect(readFileSet(dir)).toEqual(before);
    });
  });

  it.each(['cosmos', 'valueblocks'] as const)(
    'puts the MANIFEST of %s together from tables',
    async (base) => {
      await withDatabase(`pebble-stores/${base}`, [], async (dir) => {
        const whole = await shown(dir);
        for (const name of readdirSync(dir)) if (name.startsWith('MANIFEST-')) rmSync(`${dir}/${name}`);
        const { repair, plan } = await repaired(dir);
        expect(repair?.state).toBe('repaired');
        expect(plan?.loss).toHaveLength(1);
        expect(await shown(dir)).toBe(whole);
      });
    },
  );

  it.each([
    ['is empty', 'truncate MANIFEST-000001 0'],
    ['has lost the edit that named a table', 'zero MANIFEST-000001 0x90 16'],
  ])('puts a MANIFEST right that %s', async (_, patch) => {
    await withDatabase('pebble-stores/valueblocks', [], async (dir) => {
      const whole = await shown(dir);
      await withDatabase('pebble-stores/valueblocks', [patch], async (damaged) => {
        expect((await repaired(damaged)).repair?.state).toBe('repaired');
        expect(await shown(damaged)).toBe(whole);
      });
    });
  });

  it.each(['virtual', 'rangekeys'])('refuses %s without a MANIFEST', async (base) => {
    await withDatabase(`pebble-stores/${base}`, ['remove MANIFEST-000001'], async (dir) => {
      const before = readFileSet(dir);
      expect((await repaired(dir)).repair?.state).toBe('refused');
      expect(readFileSet(dir)).toEqual(before);
    });
  });

  it('refuses one without a MANIFEST whose values may stand in blob files, which Pebble would delete', async () => {
    const patches = ['remove MANIFEST-000001', 'create 000999.blob "blobs"'];
    await withDatabase('pebble-stores/valueblocks', patches, async (dir) => {
      const { repair } = await repaired(dir);
      expect(repair).toMatchObject({ state: 'refused', reason: expect.stringMatching(/blob files/) });
    });
  });

  it('leaves a table alone that lies in remote storage', () =>
    withDatabase('pebble-stores/cosmos', [], async (dir) => {
      const table = readdirSync(dir).find((name) => name.endsWith('.sst'))!;
      const catalog = 'REMOTE-OBJ-CATALOG-000001';
      // an object was added: its number, type, who made it and as what, who removes it, and no further field
      const added = Uint8Array.of(1, Number.parseInt(table, 10), 1, 0, 0, 0, 0);
      writeFileSync(`${dir}/${catalog}`, encodeLogRecords([added]));
      writeFileSync(`${dir}/marker.remote-obj-catalog.000001.${catalog}`, '');
      rmSync(`${dir}/${table}`);
      for (const way of [auto, { strategy: 'tables' } as const])
        expect((await repaired(dir, way)).plan?.steps ?? []).toEqual([]);
    }));

  it('ends the empty log that takes the place of a first one as a closed log ends, where newer ones stay', () =>
    withDatabase('pebble-stores/ingested', ['remove 000035.log'], async (dir) => {
      const { repair, plan, findings } = await repaired(dir, auto);
      expect(repair?.state).toBe('repaired');
      expect(plan?.steps.map(({ file }) => file)).toEqual(['000035.log']);
      expect(readFileSync(`${dir}/000035.log`)).toHaveLength(11);
      expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]);
    }));

  it('changes nothing about a healthy one', async () => {
    for (const base of ['cosmos', 'virtual', 'rangekeys', 'valueblocks'])
      await withDatabase(`pebble-stores/${base}`, [], async (dir) => {
        const before = readFileSet(dir);
        for (const way of [auto, heal, { strategy: 'metadata' } as const, { mode: 'default' } as const])
          expect((await repaired(dir, way)).repair?.state).toBe('nothing-to-do');
        expect(readFileSet(dir)).toEqual(before);
      });
  });

  it('cuts no log that a release does not read', async () => {
    await withDatabase('pebble-stores/cosmos', ['remove 000010.sst', 'remove 000011.sst'], async (dir) => {
      await rewriteManifest(dir, (edits) => {
        for (const edit of edits) edit.newFiles = [];
      });
      const before = readFileSet(dir);
      const { repair } = await repairInPlace(dir, { way: { mode: 'default' }, engineVersion: '2.1.4' });
      expect(repair).toMatchObject({
        state: 'refused',
        reason: expect.stringMatching(/Pebble 2\.1\.4 does not read this/),
      });
      expect(readFileSet(dir)).toEqual(before);
    });
  });

  it('is taken back byte for byte', async () => {
    const patches = [`remove ${named}`, `move ${version} marker.format-version.000015.816`];
    await withDatabase('pebble-stores/virtual', patches, async (dir) => {
      const before = readFileSet(dir);
      const { repair } = await repaired(dir);
      expect(readFileSet(dir)).not.toEqual(before);
      await undoRepair(repair!.journal!);
      expect(readFileSet(dir)).toEqual(before);
    });
  });

  // with markers Pebble does not look at CURRENT
  it('keeps Pebble out while its files change', async () => {
    await withDatabase('pebble-stores/virtual', [], async (dir) => {
      const journal = {
        schemaVersion: 1 as const,
        tool: 'test',
        phase: 'applying' as const,
        target: dir,
        strategy: 'auto',
        startedAt: new Date(0).toISOString(),
        entries: [],
      };
      const before = readdirSync(dir);
      mkdirSync(`${dir}.journal`);
      await raiseBarrier(realDisk, `${dir}.journal`, journal);
      expect(await shown(dir)).toMatch(/^refused: invalid marker filename/);
      await lowerMarkerBarrier(realDisk, journal);
      expect(readdirSync(dir)).toEqual(before);
    });
  });
});
