import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { BlockReader } from '../../src/format/sst/block.js';
import { readDataBlocks } from '../../src/format/sst/data-blocks.js';
import { openTable } from '../../src/format/sst/table.js';
import { openSource } from '../../src/io/source.js';
import { BlockEntries } from '../../src/lsm/block-entries.js';
import { fixture } from '../support/files.js';

interface Seen {
  key: string;
  value: string;
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

/** By the fast walk, up to an entry that cannot be read. */
function fast(block: Uint8Array): { seen: Seen[]; flaw: string } {
  const entries = new BlockEntries();
  entries.reset(block);
  const seen: Seen[] = [];
  while (entries.next()) {
    const value = entries.bytes.subarray(entries.valueFrom, entries.valueTo);
    seen.push({ key: hex(entries.key.subarray(0, entries.keyLength)), value: hex(value) });
  }
  return { seen, flaw: entries.flaw };
}

/** By the fast walk as Pebble goes it. */
function asPebble(block: Uint8Array): { entries: number; flaw: string } {
  const walk = new BlockEntries();
  walk.reset(block, false, true);
  let entries = 0;
  while (walk.next()) entries++;
  return { entries, flaw: walk.flaw };
}

/** By the walk that explains. */
function slow(block: Uint8Array): { seen: Seen[]; sound: boolean } {
  const reader = new BlockReader(block);
  const seen: Seen[] = [];
  for (let entry = reader.next(); entry !== undefined; entry = reader.next()) {
    const value = block.subarray(entry.valueOffset, entry.valueOffset + entry.valueLength);
    seen.push({ key: hex(entry.key), value: hex(value) });
  }
  return { seen, sound: reader.anomalies.length === 0 };
}

/** A block of short entries with its values after the keys, as RocksDB 11 may write it; a restart point every `interval`. */
function separated(entries: readonly [key: string, value: string][], interval: number): Uint8Array {
  const keys: number[] = [];
  const values: number[] = [];
  const restarts: number[] = [];
  for (const [i, [key, value]] of entries.entries()) {
    const internal = [...Buffer.from(key), 1, 0, 0, 0, 0, 0, 0, 0];
    const before = i % interval === 0 ? '' : entries[i - 1][0];
    let shared = 0;
    while (shared < before.length && before[shared] === key[shared]) shared++;
    if (i % interval === 0) restarts.push(keys.length);
    keys.push(shared, internal.length - shared, value.length);
    if (i % interval === 0) keys.push(values.length);
    keys.push(...internal.slice(shared));
    values.push(...Buffer.from(value));
  }
  const u32 = (value: number) => [value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24];
  const packed = (0x10000000 | restarts.length) >>> 0;
  return Uint8Array.from([...keys, ...values, ...restarts.flatMap(u32), ...u32(keys.length), ...u32(packed)]);
}

const blocks: Uint8Array[] = [];

beforeAll(async () => {
  for (const name of ['formats-7.8', 'basic-7.8', 'format-7-11.9']) {
    for (const [file, bytes] of fixture(name)) {
      if (!file.endsWith('.sst')) continue;
      const table = await openTable(await openSource({ kind: 'memory', bytes }));
      for await (const block of readDataBlocks(table)) {
        if (blocks.length < 200) blocks.push(block.contents!.slice());
        break;
      }
    }
  }
});

describe('the entries of a data block', () => {
  it('are those that the explaining reader finds', () => {
    expect(blocks.length).toBeGreaterThan(20);
    for (const block of blocks) {
      const { seen, flaw } = fast(block);
      expect(flaw).toBe('');
      expect(seen.length).toBeGreaterThan(0);
      expect(seen).toEqual(slow(block).seen);
    }
  });

  it('are none to Pebble where the restart points have no room, and no others are made up', () => {
    const block = new Uint8Array(24).fill(1);
    const counted = (count: number) => {
      new DataView(block.buffer).setUint32(20, count, true);
      return asPebble(block);
    };
    expect(counted(5)).toEqual({ entries: 0, flaw: '' });
    expect(counted(0xffffff)).toEqual({ entries: 0, flaw: '' });
    expect(counted(0).flaw).toContain('no restart point');
    expect(counted(0xffffffff).flaw).not.toBe('');
    expect(counted(2 ** 29).flaw).not.toBe('');
  });

  it('are found where values stand apart from keys', () => {
    const entries: [string, string][] = [
      ['apple', 'red'],
      ['apricot', ''],
      ['banana', 'yellow'],
      ['bean', 'green'],
      ['cherry', 'red again'],
    ];
    for (const interval of [1, 2, 3, 16]) {
      const block = separated(entries, interval);
      blocks.push(block);
      const { seen, flaw } = fast(block);
      expect(flaw).toBe('');
      expect(seen).toEqual(slow(block).seen);
      expect(seen.map(({ value }) => Buffer.from(value, 'hex').toString())).toEqual(
        entries.map(([, v]) => v),
      );
    }
  });

  it('are the same up to damage, which never leads out of the block', () => {
    const change = fc.record({ at: fc.nat(), byte: fc.nat(255) });
    fc.assert(
      fc.property(
        fc.nat(),
        fc.array(change, { minLength: 1, maxLength: 4 }),
        fc.nat(),
        (which, changes, cut) => {
          const block = blocks[which % blocks.length].slice();
          for (const { at, byte } of changes) block[at % block.length] = byte;
          const damaged = cut % 3 === 0 ? block.subarray(0, cut % (block.length + 1)) : block;
          const found = fast(damaged);
          const explained = slow(damaged);
          // a key without sequence and type is a block like any other for the reader, and the end for the walk
          if (explained.sound && explained.seen.every(({ key }) => key.length >= 16))
            expect(found.flaw).toBe('');
          expect(found.seen).toEqual(explained.seen.slice(0, found.seen.length));
        },
      ),
      { numRuns: 2000 },
    );
  });
});
