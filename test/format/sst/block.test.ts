import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type BlockEntry, BlockReader, decodeBlockTail } from '../../../src/format/sst/block.js';
import { comparatorNamed } from '../../../src/format/sst/comparator.js';
import { BlockIndex, decodeIndexBlock, explainIndexBlock } from '../../../src/format/sst/index-block.js';
import { parseInternalKey } from '../../../src/format/sst/internal-key.js';
import { decodeRangeTombstones } from '../../../src/format/sst/range-tombstones.js';

const bytesOf = (hex: string) => Uint8Array.from(Buffer.from(hex.replaceAll(/\s/g, ''), 'hex'));
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();

/** A data block that RocksDB wrote: three fruits and their colours. */
const FRUITS = bytesOf(
  `000d03 6170706c65 0101000000000000 726564  020d06 7269636f74 0102000000000000 6f72616e6765
   000e06 62616e616e61 0103000000000000 79656c6c6f77  00000000 01000000`,
);

function read(block: Uint8Array): { entries: BlockEntry[]; reader: BlockReader } {
  const reader = new BlockReader(block);
  const entries: BlockEntry[] = [];
  for (let entry = reader.next(); entry !== undefined; entry = reader.next()) {
    entries.push({ ...entry, key: entry.key.slice() });
  }
  return { entries, reader };
}

test('a data block as RocksDB wrote it', () => {
  const { entries, reader } = read(FRUITS);
  expect(reader.anomalies).toEqual([]);
  const decoded = entries.map(({ key, valueOffset, valueLength, offset, length }) => {
    const { userKey, sequence, type } = parseInternalKey(key)!;
    const value = text(FRUITS.subarray(valueOffset, valueOffset + valueLength));
    return [text(userKey), sequence, type, value, offset, length];
  });
  expect(decoded).toEqual([
    ['apple', 1n, 1, 'red', 0, 19],
    ['apricot', 2n, 1, 'orange', 19, 22],
    ['banana', 3n, 1, 'yellow', 41, 23],
  ]);
});

test('an empty block has one restart point', () => {
  const { entries, reader } = read(bytesOf('00000000 01000000'));
  expect([entries, reader.anomalies]).toEqual([[], []]);
});

test('the last word: flags and number of restart points', () => {
  expect(decodeBlockTail(bytesOf('00000000 01000000'))).toMatchObject({ restartCount: 1, separated: false });
  // 4e 00 00 20: 78 restart points, keys of one length
  const uniform = Uint8Array.from([...new Uint8Array(4 * 78), 0x4e, 0, 0, 0x20]);
  expect(decodeBlockTail(uniform)).toMatchObject({ restartCount: 78, restartsOffset: 0 });
  // restarts 0 and 202, values from 224 on, separated
  const separated = Uint8Array.from([
    ...new Uint8Array(300),
    ...bytesOf('00000000 ca000000 e0000000 02000010'),
  ]);
  expect(decodeBlockTail(separated)).toMatchObject({ restartCount: 2, separated: true, entriesEnd: 224 });
  expect(decodeBlockTail(bytesOf('00000000 01000040'))).toMatch(/reserved/);
  expect(decodeBlockTail(bytesOf('00000000 00000000'))).toMatch(/no restart point/);
  expect(decodeBlockTail(bytesOf('00000000 03000000'))).toMatch(/do not fit/);
  expect(decodeBlockTail(bytesOf('000000'))).toMatch(/at least 8 bytes/);
});

test('after an entry that cannot be read it goes on at the next restart point', () => {
  const block = bytesOf(
    '000901 61 0101000000000000 78  000901 62 0101000000000000 79  000901 63 0101000000000000 7a' +
      '00000000 0d000000 1a000000 03000000',
  );
  block[13] = 0x7f;
  const { entries, reader } = read(block);
  expect(entries.map(({ key }) => text(key.subarray(0, 1)))).toEqual(['a', 'c']);
  expect(reader.anomalies).toMatchObject([{ rule: 'sst/bad-entry', offset: 0, length: 26 }]);
});

test('restart points that lead nowhere', () => {
  const block = FRUITS.slice();
  block[block.length - 8] = 3;
  expect(read(block).reader.anomalies).toMatchObject([{ rule: 'sst/bad-restart', offset: 64, length: 4 }]);
});

test('a delta-encoded index with user keys', () => {
  const block = bytesOf('0001 63 00 48  0005 6772617065 4d 53  00000000 05000000 02000000');
  const index = new BlockIndex({ deltaEncoded: true, userKeys: true, firstKeys: false });
  expect(decodeIndexBlock(block, index).anomalies).toEqual([]);
  const entries = Array.from({ length: index.count }, (_, i) => [
    text(index.separator(i)),
    index.offset(i),
    index.size(i),
  ]);
  expect(entries).toEqual([
    ['c', 0, 72],
    ['grape', 77, 83],
  ]);
});

test('an index of LevelDB ends in impossible sequences', () => {
  const block = bytesOf('000902 6c01ffffffffffffff 0049 00000000 01000000');
  const index = new BlockIndex({ deltaEncoded: false, userKeys: false, firstKeys: false });
  expect(decodeIndexBlock(block, index).anomalies).toEqual([]);
  expect([index.offset(0), index.size(0)]).toEqual([0, 73]);
});

test('range tombstones', () => {
  const block = bytesOf('001109 6b6579303030303530 0f42010000000000 6b6579303030303535 00000000 01000000');
  const { tombstones, anomalies } = decodeRangeTombstones(block, comparatorNamed());
  expect(anomalies).toEqual([]);
  expect(tombstones.map(({ start, end, sequence }) => [text(start), text(end), sequence])).toEqual([
    ['key000050', 'key000055', 322n],
  ]);
  block[10] = 0x39;
  expect(decodeRangeTombstones(block, comparatorNamed()).anomalies).toMatchObject([
    { rule: 'sst/empty-range-tombstone', message: 'a range tombstone ends before it begins' },
  ]);
  block[12] = 0x00;
  expect(decodeRangeTombstones(block, comparatorNamed()).anomalies).toMatchObject([
    { rule: 'sst/bad-range-tombstone' },
  ]);
});

test('range tombstones that cover no key are kept, and reported once', () => {
  // [b, a) at 2 and [c, c) at 1
  const block = bytesOf('000901 62 0f02000000000000 61  000901 63 0f01000000000000 63  00000000 01000000');
  const { tombstones, anomalies } = decodeRangeTombstones(block, comparatorNamed());
  expect(tombstones.map(({ start, end }) => [text(start), text(end)])).toEqual([
    ['b', 'a'],
    ['c', 'c'],
  ]);
  expect(anomalies).toMatchObject([
    { rule: 'sst/empty-range-tombstone', offset: 0, evidence: { emptyTombstones: 2 } },
  ]);
});

test('any bytes as a block of any kind: no throw, anomalies inside the block, bounded', () => {
  const forms = [true, false].flatMap((deltaEncoded) =>
    [true, false].map((firstKeys) => ({ deltaEncoded, firstKeys, userKeys: true })),
  );
  const noise = fc.oneof(
    fc.uint8Array({ maxLength: 80 }),
    fc
      .tuple(fc.uint8Array({ maxLength: 60 }), fc.nat(3))
      .map(([bytes, restarts]) => Uint8Array.from([...bytes, 0, 0, 0, 0, restarts, 0, 0, 0])),
  );
  fc.assert(
    fc.property(noise, (bytes) => {
      const { reader } = read(bytes);
      const found = [
        ...reader.anomalies,
        ...decodeRangeTombstones(bytes, comparatorNamed()).anomalies,
        ...forms.flatMap((form) => decodeIndexBlock(bytes, new BlockIndex(form)).anomalies),
      ];
      for (const { offset, length } of found) expect(offset + length).toBeLessThanOrEqual(bytes.length);
      expect(reader.anomalies.length).toBeLessThanOrEqual(bytes.length + 1);
    }),
    { numRuns: 1000 },
  );
});

test('an index is read the same way fast and slow', () => {
  const varint = (value: number): number[] =>
    value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(Math.floor(value / 0x80))];
  const entry = fc.record({
    shared: fc.nat(3),
    delta: fc.uint8Array({ maxLength: 4 }),
    offset: fc.nat(400),
    size: fc.nat(300),
    first: fc.uint8Array({ maxLength: 3 }),
  });
  const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 2 });
  fc.assert(
    fc.property(
      fc.array(entry, { maxLength: 8 }),
      fc.boolean(),
      fc.boolean(),
      changes,
      (entries, deltaEncoded, firstKeys, patches) => {
        const bytes: number[] = [];
        const restarts: number[] = [];
        let length = 0;
        for (const { shared: wish, delta, offset, size, first } of entries) {
          const shared = Math.min(wish, length);
          if (shared === 0) restarts.push(bytes.length);
          const handle = deltaEncoded && shared > 0 ? varint(2 * size) : [...varint(offset), ...varint(size)];
          const value = firstKeys ? [...handle, ...varint(first.length), ...first] : handle;
          bytes.push(...varint(shared), ...varint(delta.length));
          if (!deltaEncoded) bytes.push(...varint(value.length));
          bytes.push(...delta, ...value);
          length = shared + delta.length;
        }
        if (restarts.length === 0) restarts.push(0);
        for (const at of [...restarts, restarts.length]) bytes.push(at & 255, at >> 8, 0, 0);
        const block = Uint8Array.from(bytes);
        for (const [at, to] of patches) block[at % block.length] = to;
        const form = { deltaEncoded, firstKeys, userKeys: true };
        const [fast, slow] = [new BlockIndex(form), new BlockIndex(form)];
        expect(decodeIndexBlock(block, fast)).toEqual(explainIndexBlock(block, slow));
        const list = (index: BlockIndex) =>
          Array.from({ length: index.count }, (_, i) => [
            index.offset(i),
            index.size(i),
            [...index.separator(i)],
            [...(index.firstKey(i) ?? [])],
          ]);
        expect(list(fast)).toEqual(list(slow));
      },
    ),
    { numRuns: 1000 },
  );
});
