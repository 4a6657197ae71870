import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeLogRecords } from '../../../src/encode/log/writer.js';
import { decodeVersionEdit } from '../../../src/format/manifest/decode.js';
import { replayManifest } from '../../../src/format/manifest/replay.js';
import { memorySource } from '../../../src/io/source.js';
import { fixture } from '../../support/files.js';

const hex = (text: string) => new Uint8Array(Buffer.from(text.replace(/[^0-9a-f]/g, ''), 'hex'));
const key = (text: string, trailer: string) => Buffer.from(text).toString('hex') + trailer;
const manifest = (base: string, name = 'MANIFEST-000001') => fixture(`pebble-stores/${base}`).get(name)!;

describe('edits of Pebble', () => {
  it('name a virtual table by its backing, in a field without a length', () => {
    const entry = `67 00 08 9b19 11 ${key('key000000', '010a000000000000')} 11 ${key('key000049', '013b000000000000')} 0a d101 42 05 01`;
    const { edit, anomalies } = decodeVersionEdit(
      hex(`03 0a 69 05 9b40 04 d301 06 00 05 ${entry}`),
      'pebble',
    );
    expect(anomalies).toEqual([]);
    expect(edit.backings).toMatchObject([{ number: 5n, size: 8219n }]);
    expect(edit.deletedFiles).toMatchObject([{ level: 0, number: 5n }]);
    expect(edit.newFiles).toMatchObject([
      { number: 8n, size: 3227n, backing: 5n, smallestSequence: 10n, largestSequence: 209n },
    ]);
  });

  it('keep the bounds of points and of range keys apart', () => {
    const bounds = `11 ${key('key000000', '010a000000000000')} 11 ${key('key000049', '013b000000000000')}`;
    const ranges = `09 ${key('a', '1540000000000000')} 09 ${key('m', '15ffffffffffffff')}`;
    const { edit, anomalies } = decodeVersionEdit(
      hex(`68 00 07 f70c 01 ${bounds} ${ranges} 1f 45 01`),
      'pebble',
    );
    expect(anomalies).toEqual([]);
    const [{ points, rangeKeys, smallest, largest }] = edit.newFiles;
    expect(Buffer.from(points!.smallest.subarray(0, 9)).toString()).toBe('key000000');
    expect([smallest, largest]).toEqual([rangeKeys!.smallest, rangeKeys!.largest]);
  });

  it.each([
    ['08 01', 'MANIFEST: unknown tag: 8'],
    ['c801 00', 'MANIFEST: unknown tag: 200'],
    ['69 05', 'pebble: corrupt manifest: a backing'],
    ['06 07 05', 'pebble: corrupt manifest: deleted file'],
  ])('%s is refused', (bytes, engine) => {
    const { anomalies } = decodeVersionEdit(hex(bytes), 'pebble');
    expect(anomalies.map(({ evidence }) => evidence?.engine)).toEqual([engine]);
  });

  it('of any bytes decode to their end or to one anomaly', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const { fields, anomalies } = decodeVersionEdit(bytes, 'pebble');
        const end = fields.reduce((sum, { length }) => sum + length, 0);
        expect(end + (anomalies[0]?.length ?? 0)).toBe(bytes.length);
        expect(anomalies.length).toBeLessThanOrEqual(1);
      }),
    );
  });
});

describe('MANIFESTs of Pebble', () => {
  const bounds = `11 ${key('key000000', '010a000000000000')} 11 ${key('key000049', '013b000000000000')}`;
  const part = `67 00 08 9b19 ${bounds} 0a d101 42 05 01`;
  it.each([
    ['named by its own edit', [`02 04 03 0a 69 05 9b40 ${part}`], undefined],
    ['named by an edit before', ['02 04 03 0a 69 05 9b40', part], undefined],
    [
      'named later',
      [`02 04 03 0a ${part}`, '69 05 9b40'],
      'TableBacking for virtual sstable must not be nil',
    ],
    [
      'named never, and the part is gone',
      [`02 04 03 0a ${part}`, '06 00 08'],
      'TableBacking for virtual sstable must not be nil',
    ],
  ])('a backing %s', async (_, edits, error) => {
    const bytes = encodeLogRecords(edits.map((edit) => hex(edit)));
    const replay = await replayManifest(memorySource(bytes), { dialect: 'pebble' });
    expect([replay.error, replay.complete]).toEqual([error, error === undefined]);
    expect(replay.version.unknownBackingRemoved).toBeUndefined();
  });

  it.each([
    ['69 05 9b40 6a 05', undefined],
    ['6a 05', 5n],
  ])('an edit that removes a backing: %s', async (edit, unknown) => {
    const bytes = encodeLogRecords([hex(`02 04 03 0a ${edit}`)]);
    const { version, error } = await replayManifest(memorySource(bytes), { dialect: 'pebble' });
    expect([version.unknownBackingRemoved, error]).toEqual([unknown, undefined]);
  });

  it.each([
    ['cosmos', 'MANIFEST-000013', { tables: [10n, 11n], backings: [], log: 12n }],
    ['virtual', 'MANIFEST-000001', { tables: [6n, 7n, 8n, 9n], backings: [5n], log: 4n }],
    ['rangekeys', 'MANIFEST-000001', { tables: [5n, 7n], backings: [], log: 6n }],
  ] as const)('%s comes to the version that the engine has', async (base, name, expected) => {
    const { version, complete, anomalies } = await replayManifest(memorySource(manifest(base, name)), {
      dialect: 'pebble',
    });
    const family = version.columnFamilies.get(0)!;
    expect({ complete, anomalies }).toEqual({ complete: true, anomalies: [] });
    expect({
      tables: [...family.tables.keys()].sort(),
      backings: [...version.backings.keys()],
      log: family.logNumber,
    }).toEqual(expected);
  });

  it('end for Pebble at the first damage, and go on for what wants to know more', async () => {
    const bytes = Uint8Array.from(manifest('virtual'));
    bytes[0x48] ^= 4;
    const engine = await replayManifest(memorySource(bytes), { dialect: 'pebble', toDamage: true });
    expect(engine.version.columnFamilies.get(0)!.tables.size).toBe(0);
    expect(engine.error).toBeUndefined();
    const all = await replayManifest(memorySource(bytes), { dialect: 'pebble' });
    expect(all.version.columnFamilies.get(0)!.tables.size).toBe(4);
    expect(all.complete).toBe(false);
  });
});
