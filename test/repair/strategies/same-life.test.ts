import { describe, expect, test } from 'vitest';
import { fixture } from '../../support/files.js';
import { applyPatches } from '../../support/patch.js';
import { repaired } from '../../support/second-source.js';

const damagedBy = (base: string, patches: readonly string[]) => applyPatches(fixture(base), patches);

const store = 'pebble-stores/rangekeys';
const format = 'marker.format-version.000015.016';
const manifest = 'marker.manifest.000001.MANIFEST-000001';

const given: [string, string, ...string[]][] = [
  ['the marker of the MANIFEST', store, `remove ${manifest}`],
  ['the marker of the format version', store, `remove ${format}`],
  ['both markers and CURRENT', store, `remove ${manifest}`, `remove ${format}`, 'remove CURRENT'],
  ['a marker that says no MANIFEST', store, `move ${manifest} marker.manifest.000001.MANIFEST-x`],
  ['a marker of an older move', store, `move ${format} marker.format-version.000001.005`],
  ['a marker of a version that no release knows', store, `move ${format} marker.format-version.000015.099`],
  [
    'a marker of a MANIFEST that is not here',
    store,
    `move ${manifest} marker.manifest.000002.MANIFEST-000555`,
  ],
  [
    'a marker that names the MANIFEST before',
    'pebble-stores/columns',
    'move marker.manifest.000003.MANIFEST-000112 marker.manifest.000003.MANIFEST-000029',
  ],
  ['CURRENT that is gone', 'pebble-stores/cosmos', 'remove CURRENT'],
  ['CURRENT that names the MANIFEST before', 'pebble-stores/cosmos', 'create CURRENT "MANIFEST-000006\\n"'],
  ['a marker and the MANIFEST', store, `remove ${manifest}`, 'zero MANIFEST-000001 20 10'],
  ['a MANIFEST that a marker names', store, 'remove MANIFEST-000001'],
  ['a MANIFEST with bytes after its end', store, 'append MANIFEST-000001 00ff11ee22dd33cc44bb'],
  [
    'a MANIFEST of LevelDB with bytes after its end',
    'leveldb',
    'append MANIFEST-000002 00ff11ee22dd33cc44bb',
  ],
];

test.each(given)('a source gives back %s', async (_, base, ...patches) => {
  const { after, plan } = await repaired(await damagedBy(base, patches), [fixture(base)]);
  expect([...after.keys()].sort()).toEqual([...fixture(base).keys()].sort());
  expect(after).toEqual(fixture(base));
  expect(plan.steps.length).toBeGreaterThan(0);
});

describe('names of a source are left', () => {
  test.each<[string, string[], string[]]>([
    ['where it has none either', [`remove ${manifest}`], [`remove ${manifest}`]],
    [
      'where its MANIFEST is another',
      [`remove ${manifest}`],
      ['write MANIFEST-000001 0x31 0a', 'fix-record MANIFEST-000001 0x25'],
    ],
    ['where the marker here was moved since', [`move ${format} marker.format-version.000016.099`], []],
    [
      'where OPTIONS states a later version',
      [`remove ${format}`],
      [`move ${format} marker.format-version.000014.015`],
    ],
    ['where a later MANIFEST is here', [`remove ${manifest}`, 'copy MANIFEST-000001 MANIFEST-000020'], []],
    [
      'where another MANIFEST is named and a table is here that only it can know',
      [`move ${manifest} marker.manifest.000002.MANIFEST-000555`, 'copy 000007.sst 000560.sst'],
      [],
    ],
  ])('%s', async (_, patches, its) => {
    const damaged = await damagedBy(store, patches);
    const { after } = await repaired(damaged, [await damagedBy(store, its)], { acceptUnproven: true });
    for (const name of after.keys()) expect(damaged.has(name), name).toBe(true);
    for (const name of damaged.keys()) expect(after.has(name), name).toBe(true);
  });

  test('where CURRENT names none beside markers, and that of a database without markers does', async () => {
    const bare = [
      'remove 000004.log',
      'remove 000006.log',
      'remove 000005.sst',
      'remove 000007.sst',
      'truncate MANIFEST-000001 0x32',
    ];
    const damaged = await damagedBy(store, [...bare, 'create 000002.log ""', 'flip MANIFEST-000001 0x27 0']);
    const unmarked = ['create CURRENT "MANIFEST-000007\\n"', `remove ${manifest}`, `remove ${format}`];
    const { after } = await repaired(damaged, [await damagedBy(store, unmarked)]);
    expect(after.get('CURRENT')).toEqual(damaged.get('CURRENT'));
  });

  test('where CURRENT names a MANIFEST that is not here, and a table that only it can know is', async () => {
    const whole = await damagedBy('basic-7.8', ['create CURRENT "MANIFEST-000090\\n"']);
    const damaged = new Map(whole).set('000095.sst', fixture('checksummed-7.8').get('000011.sst')!);
    const { after } = await repaired(damaged, [fixture('basic-7.8')]);
    expect(after).toEqual(damaged);
    expect((await repaired(whole, [fixture('basic-7.8')])).after).toEqual(fixture('basic-7.8'));
  });
});

describe('a MANIFEST that may have had an edit more than the source stays', () => {
  const older = 'truncate MANIFEST-000001 0x7e';
  test.each<[string, string[], string[]]>([
    ['and its table is lost', ['remove 000007.sst'], [older]],
    [
      'and its table is lost, and an edit before it is damaged',
      ['remove 000007.sst', 'zero MANIFEST-000001 0x40 8'],
      [older, 'write MANIFEST-000001 0x60 ff', 'fix-record MANIFEST-000001 0x32'],
    ],
    ['and that edit is damaged', ['zero MANIFEST-000001 0x90 8'], [older]],
    [
      'and that edit is damaged, its table lost, and a log there that the source does not know',
      ['zero MANIFEST-000001 0x90 8', 'remove 000007.sst'],
      [older, 'remove 000006.log'],
    ],
  ])('%s', async (_, patches, its) => {
    const damaged = await damagedBy(store, patches);
    const { after, plan } = await repaired(damaged, [await damagedBy(store, its)], { acceptUnproven: true });
    expect(plan.steps.map(({ path }) => path)).not.toContain('MANIFEST-000001');
    expect(after.get('MANIFEST-000001')).toEqual(damaged.get('MANIFEST-000001'));
  });
});

describe('a file that is whole in itself and is not what was written under its number', () => {
  test.each<[string, string, ...string[]]>([
    ['tables that changed places', 'pebble-stores/cosmos', 'swap 000010.sst 000011.sst'],
    ['a table in the place of another', 'pebble-stores/cosmos', 'copy 000010.sst 000011.sst'],
    [
      'a table with sequences that the MANIFEST does not know',
      'leveldb',
      'write 000005.ldb 0xb ff',
      'fix-block 000005.ldb 0 0x252',
    ],
    ['a log with what another left in it', 'pebble-stores/virtual', 'copy 000004.log 000013.log'],
    ['a log of zeros', 'pebble-stores/virtual', 'zero 000012.log 0 end'],
    ['a log that is gone', store, 'remove 000006.log'],
    [
      'logs that are gone',
      'pebble-stores/virtual',
      'remove 000004.log',
      'remove 000012.log',
      'remove 000013.log',
    ],
    ['a table that a log brings in', 'pebble-stores/virtual', 'zero 000010.sst 20 60'],
    ['a table that a log brings in, gone', 'pebble-stores/virtual', 'remove 000011.sst'],
    ['an OPTIONS file with a line too many', store, 'append OPTIONS-000003 78780a'],
    ['an empty OPTIONS file', store, 'truncate OPTIONS-000003 0'],
    ['an OPTIONS file that is gone', store, 'remove OPTIONS-000003'],
    [
      'an OPTIONS file that names another comparer',
      store,
      'replace OPTIONS-000003 "internal.testkeys" "internal.testkeyz"',
    ],
  ])('is given back: %s', async (_, base, ...patches) => {
    const { after } = await repaired(await damagedBy(base, patches), [fixture(base)]);
    for (const [name, bytes] of fixture(base))
      expect(Buffer.compare(after.get(name) ?? Buffer.alloc(0), bytes), name).toBe(0);
  });
});

describe('nothing is given back of another life, whose files have the same numbers', () => {
  const other = ['write MANIFEST-000013 0x62 d7', 'fix-record MANIFEST-000013 0'];
  test.each<[string, ...string[]]>([
    ['a log that is gone', 'remove 000012.log'],
    ['a log of zeros', 'zero 000012.log 0 end'],
    ['an OPTIONS file', 'truncate OPTIONS-000014 0'],
    ['CURRENT', 'create CURRENT "MANIFEST-000006\\n"'],
  ])('%s', async (_, ...patches) => {
    const damaged = await damagedBy('pebble-stores/cosmos', patches);
    const { after } = await repaired(damaged, [await damagedBy('pebble-stores/cosmos', other)]);
    expect(after).toEqual(damaged);
  });

  test('tables that changed places, where no other file is the same', async () => {
    const damaged = await damagedBy('pebble-stores/cosmos', ['swap 000010.sst 000011.sst']);
    const source = await damagedBy('pebble-stores/cosmos', [...other, 'truncate 000012.log 20']);
    expect((await repaired(damaged, [source])).after).toEqual(damaged);
  });

  test('a table that a log brings in', async () => {
    const source = ['write MANIFEST-000001 0x33 0a', 'fix-record MANIFEST-000001 0x27'];
    for (const patch of ['zero 000010.sst 20 60', 'remove 000010.sst']) {
      const damaged = await damagedBy('pebble-stores/virtual', [patch]);
      const its = await damagedBy('pebble-stores/virtual', source);
      expect(its.get('MANIFEST-000001')).not.toEqual(damaged.get('MANIFEST-000001'));
      expect((await repaired(damaged, [its])).after, patch).toEqual(damaged);
    }
  });

  test('a table with sequences that the MANIFEST does not know', async () => {
    const lie = ['write 000005.ldb 0xb ff', 'fix-block 000005.ldb 0 0x252'];
    const damaged = await damagedBy('leveldb', lie);
    const source = ['write 000004.log 0xc0 58', 'fix-record 000004.log 0xa0'];
    expect((await repaired(damaged, [await damagedBy('leveldb', source)])).after).toEqual(damaged);
    // the same lie
    expect((await repaired(damaged, [damaged])).after).toEqual(damaged);
  });
});

test('a log of which a record is left is not given up for an older copy of it', async () => {
  const damaged = await damagedBy('pebble-stores/cosmos', ['zero 000012.log 0 200']);
  const older = await damagedBy('pebble-stores/cosmos', ['truncate 000012.log 1000']);
  const { after } = await repaired(damaged, [older], { acceptUnproven: true });
  expect(after.get('000012.log')!.length).toBe(damaged.get('000012.log')!.length);
});
