import { describe, expect, test } from 'vitest';
import { LogWriter } from '../../../src/encode/log/writer.js';
import { type FileSet, fixture } from '../../support/files.js';
import { applyPatches } from '../../support/patch.js';
import { batchesOf } from '../../support/rotate.js';
import { repaired } from '../../support/second-source.js';

/*
 * A master and a replica of Kvrocks whose histories part at sequence 51 (apache/kvrocks#462): `SET test` wrote 111 on one and 222 on
 * the other. All other batches are the same, and so are the MANIFESTs. The identities differ.
 */
const master = fixture('kvrocks-master/db');
const replica = fixture('kvrocks-replica/db');
const LOG = '000010.log';
/** Where the record of sequence 51 stands. */
const PARTED = 0xb10;

const damaged = (...patches: string[]) => applyPatches(new Map(master), patches);

/** A database with its log's batches in others: `[number, first batch, after the last]`, and others between them. */
async function relogged(
  files: FileSet,
  logs: readonly [number: number, from: number, to: number][],
  put: ReadonlyMap<number, Uint8Array> = new Map(),
): Promise<FileSet> {
  const batches = await batchesOf(files.get(LOG)!);
  const result = new Map(files);
  result.delete(LOG);
  for (const [number, from, to] of logs) {
    const writer = new LogWriter();
    const records = batches
      .slice(from, to)
      .map((batch, i) => writer.record(put.get(from + i) ?? batch).slice());
    result.set(`${String(number).padStart(6, '0')}.log`, Buffer.concat(records));
  }
  return result;
}

describe('a replica whose logs have other numbers and lengths', () => {
  test.each([
    ['a flipped bit', ['flip 000010.log 0x2d0.3']],
    ['a record', ['zero 000010.log 0x113 55']],
    ['records and the beginnings and ends of others', ['zero 000010.log 0x500 300']],
    ['noise over two records', [`write 000010.log 0x4d8 ${'a7'.repeat(50)}9c31d2`]],
    [
      'damage in three places',
      ['zero 000010.log 0x500 60', 'flip 000010.log 0x90.1', 'zero 000010.log 0x800 200'],
    ],
    ['a length', ['write 000010.log 0x118 ff']],
  ])('gives back %s', async (_, patches) => {
    const source = await relogged(replica, [
      [14, 0, 20],
      [15, 20, 99],
    ]);
    const { after, plan } = await repaired(await damaged(...patches), [source]);
    expect(after).toEqual(master);
    expect(plan.loss).toEqual([]);
  });

  // the master's log, in three; what is missing lies before the one that has 16 records
  const three: [number, number, number][] = [
    [10, 0, 12],
    [14, 12, 28],
    [16, 28, 99],
  ];

  test.each([
    ['the end of a log before another, cut within a record', ['truncate 000014.log end-130']],
    ['the end of a log before another, cut between records', ['truncate 000010.log 605']],
    ['bytes after the end of a log before another', ['append 000010.log 00ff1234567890aabbccddeeff']],
    ['the beginning of a log after another', ['zero 000014.log 0 200']],
  ])('gives back %s', async (_, patches) => {
    const whole = await relogged(master, three);
    const { after } = await repaired(await applyPatches(new Map(whole), patches), [replica]);
    expect(after).toEqual(whole);
  });

  test('does not tell in which log batches stood where one between may be gone', async () => {
    const files = await relogged(master, three);
    files.delete('000014.log');
    const { after } = await repaired(files, [await relogged(replica, three)]);
    expect(after).toEqual(files);
  });

  // a batch without an operation takes no sequence: those around it follow each other without it
  test('does not take the torn end of a log before another for nothing where it is torn in the source, too', async () => {
    const torn = `append 000010.log ${'5a'.repeat(4)}400001${'00'.repeat(12)}0400`;
    const files = await applyPatches(await relogged(master, three), [torn]);
    const source = await applyPatches(await relogged(replica, three), [torn]);
    const { after } = await repaired(files, [source]);
    expect(after).toEqual(files);
  });

  test('gives nothing after the last batch here, which may be the end of it', async () => {
    const files = await damaged('truncate 000010.log end-60');
    const { after } = await repaired(files, [await relogged(replica, [[14, 0, 99]])]);
    expect(after).toEqual(files);
  });

  test('gives nothing where a batch beside the damage is another', async () => {
    const batches = await batchesOf(master.get(LOG)!);
    const other = batches[20].slice();
    other[other.length - 1] ^= 1;
    const source = await relogged(replica, [[14, 0, 99]], new Map([[20, other]]));
    // the record after that one, and not a byte of it left
    const at = batches.slice(0, 21).reduce((sum, { length }) => sum + 7 + length, 0);
    const files = await damaged(`zero ${LOG} ${at} ${batches[21].length + 7}`);
    const { after, plan } = await repaired(files, [source]);
    expect(after).toEqual(files);
    expect(plan.remarks.join('\n')).toContain('another batch than this database at sequence 21');
  });

  test('gives nothing where it has no batch for a sequence', async () => {
    const source = await relogged(replica, [
      [14, 0, 21],
      [15, 23, 99],
    ]);
    const files = await damaged('zero 000010.log 0x500 60');
    const { after } = await repaired(files, [source]);
    expect(after).toEqual(files);
  });
});

describe('where histories part', () => {
  test.each([
    ['one byte of the record', [`write ${LOG} ${PARTED + 45} 78`]],
    ['its checksum and one byte', [`write ${LOG} ${PARTED} 0102`, `write ${LOG} ${PARTED + 45} 78`]],
    ['all but its value', [`zero ${LOG} ${PARTED} 48`]],
    ['its value', [`zero ${LOG} ${PARTED + 48} 7`]],
  ])('nothing is taken for %s', async (_, patches) => {
    const files: FileSet = await damaged(...patches);
    for (const source of [replica, await relogged(replica, [[14, 0, 99]])]) {
      const { after, plan } = await repaired(files, [source]);
      expect(plan.steps).toEqual([]);
      expect(after).toEqual(files);
    }
  });
});
