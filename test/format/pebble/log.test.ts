import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LogEvent, LogParser } from '../../../src/format/log/parser.js';
import { readLog } from '../../../src/format/log/read.js';
import { memorySource } from '../../../src/io/source.js';
import { fixture } from '../../support/files.js';

const hex = (text: string) => new Uint8Array(Buffer.from(text.replace(/[^0-9a-f]/g, ''), 'hex'));

/** Offsets of the records of a log of Pebble, the damage in it, and how it ends. */
async function read(bytes: Uint8Array, number: bigint) {
  const records: number[] = [];
  const damage: string[] = [];
  const tail = await readLog(new LogParser(memorySource(bytes), { dialect: 'pebble', number }), {
    record: ({ offset }) => void records.push(offset),
    damage: ({ reason }) => void damage.push(reason),
  });
  return { records, damage, tail: tail?.kind, at: tail?.offset };
}

// two records of log 7 at format version 24, each with the bytes that were synced before it
const SYNCED = `c548c7fc 1c00 09 07000000 0000000000000000 1000000000000000 01000000 01 05 6767673000 08 636869636b656e30
  ab0432d7 1c00 09 07000000 2f00000000000000`;
const INGEST = '947da864 1200 05 0c000000 de00000000000000 02000000 16 01 0a 16 01 0b';
const END_OF_12 = '00000000 0000 05 0d000000';

describe('logs of Pebble', () => {
  it('have records with the synced offset in their headers', async () => {
    expect(await read(hex(SYNCED).subarray(0, 47), 7n)).toEqual({
      records: [0],
      damage: [],
      tail: 'clean',
      at: 47,
    });
  });

  it('end in the number of the next log, whatever stands after it', async () => {
    const closed = hex(INGEST + END_OF_12);
    expect(await read(closed, 12n)).toEqual({ records: [0], damage: [], tail: 'closed', at: 29 });
    const recycled = Buffer.concat([closed, Buffer.alloc(500, 0xab)]);
    expect(await read(recycled, 12n)).toMatchObject({ records: [0], damage: [], tail: 'closed', at: 29 });
  });

  it('do not end where records of the same log follow', async () => {
    const bytes = Buffer.concat([hex(INGEST), hex(INGEST), hex(END_OF_12)]);
    bytes[7] = 0x0d;
    expect(await read(bytes, 12n)).toMatchObject({ records: [29], damage: ['false-end'], tail: 'closed' });
  });

  it('end where a log begins that was closed, and whose file they were given', async () => {
    const old = Buffer.concat([hex(END_OF_12), hex(SYNCED)]);
    expect(await read(old, 15n)).toEqual({ records: [], damage: [], tail: 'recycled', at: 0 });
    const after = Buffer.concat([hex(INGEST), hex(END_OF_12).fill(7, 7, 8), hex(SYNCED)]);
    expect(await read(after, 12n)).toEqual({ records: [0], damage: [], tail: 'recycled', at: 29 });
  });

  it('belong to another log under another number', async () => {
    expect(await read(hex(INGEST), 14n)).toMatchObject({ records: [], tail: 'recycled' });
  });

  it.each([
    ['cosmos', '000012.log', 12n, 'closed'],
    ['virtual', '000004.log', 4n, 'closed'],
    ['virtual', '000012.log', 12n, 'closed'],
    ['virtual', '000013.log', 13n, 'clean'],
    ['rangekeys', '000006.log', 6n, 'damaged'],
  ] as const)('of real stores end as they were left: %s, %s', async (base, file, number, tail) => {
    const found = await read(fixture(`pebble-stores/${base}`).get(file)!, number);
    expect(found).toMatchObject({ damage: [], tail });
    expect(found.records.length).toBeGreaterThan(0);
  });

  it('of any bytes end, and records lie in order inside them', async () => {
    const valid = fixture('pebble-stores/virtual').get('000004.log')!;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(valid.length - 1), fc.integer({ min: 0, max: 255 })), { maxLength: 8 }),
        fc.nat(valid.length),
        async (changes, length) => {
          const bytes = Uint8Array.from(valid.subarray(0, length));
          for (const [at, byte] of changes) if (at < length) bytes[at] = byte;
          const { records, at } = await read(bytes, 4n);
          expect([...records].sort((a, b) => a - b)).toEqual(records);
          expect(at).toBeLessThanOrEqual(length);
        },
      ),
    );
  });

  it('are parsed step by step as a whole', async () => {
    const parser = new LogParser(memorySource(hex(INGEST)), { dialect: 'pebble', number: 12n });
    expect(await parser.next()).toBe(LogEvent.record);
    expect(parser.style).toBe('recyclable');
  });
});
