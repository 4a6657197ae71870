import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeRaftLogHeader, parseRaftLogName } from '../../../src/format/raft-engine/file.js';
import { decodeItems } from '../../../src/format/raft-engine/items.js';
import { type RaftLogBatch, RaftLogReader } from '../../../src/format/raft-engine/reader.js';
import { searchBatches } from '../../../src/format/raft-engine/search.js';
import { memorySource } from '../../../src/io/source.js';
import { fixture } from '../../support/files.js';

const name = '0000000000000002.raftlog';
const whole = fixture('raft-engine/plain').get(name)!;

async function batchesOf(bytes: Uint8Array): Promise<{ batches: RaftLogBatch[]; stop: string | undefined }> {
  const header = decodeRaftLogHeader(bytes);
  if ('fault' in header) return { batches: [], stop: header.fault };
  const reader = new RaftLogReader(memorySource(bytes), header, 2n);
  const batches: RaftLogBatch[] = [];
  for (let batch = await reader.next(); batch !== undefined; batch = await reader.next()) {
    await reader.entriesOf(batch);
    batches.push(batch);
  }
  return { batches, stop: reader.stop?.reason };
}

describe('files of raft-engine', () => {
  it('are known by their names', () => {
    expect(parseRaftLogName(name)).toEqual({ queue: 'append', number: 2n });
    expect(parseRaftLogName('0000000000000007.rewrite')).toEqual({ queue: 'rewrite', number: 7n });
    expect(parseRaftLogName('0000000000000001.raftlog.reserved')).toBeUndefined();
    expect(parseRaftLogName('123.rewrite')).toBeUndefined();
  });

  it('hold batches of entries, commands and key values', async () => {
    const { batches, stop } = await batchesOf(whole);
    expect(stop).toBeUndefined();
    expect(
      batches.map(({ offset, items }) => `${offset} ${items.map(({ kind }) => kind).join(' ')}`),
    ).toEqual([
      '69 entries put',
      '266 entries put entries put',
      '443 compact entries put entries put',
      '673 entries put',
      '773 entries put',
      '909 entries put',
      '1034 compact entries put',
      '1160 entries put entries put put',
    ]);
  });

  it('end at the first batch that is not whole, whatever was changed, and never throw', async () => {
    const { batches: before } = await batchesOf(whole);
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length * 8 - 1), async (place) => {
        const bytes = Uint8Array.from(whole);
        bytes[place >> 3] ^= 1 << (place & 7);
        const { batches } = await batchesOf(bytes);
        expect(batches.length).toBeLessThanOrEqual(before.length);
        await searchBatches(memorySource(bytes), place >> 3, 2);
      }),
      { numRuns: 400 },
    );
  });

  it('end where they are cut, at any byte', async () => {
    const ends = [69, ...(await batchesOf(whole)).batches.map(({ offset, length }) => offset + length)];
    for (let size = 0; size < whole.length; size++) {
      const { batches, stop } = await batchesOf(whole.subarray(0, size));
      expect(batches.length).toBe(
        Math.max(
          0,
          ends.findLastIndex((end) => end <= size),
        ),
      );
      expect(stop === undefined).toBe(ends.includes(size));
    }
  });

  it('hold items that decode or say why not, whatever they are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const items = decodeItems(bytes);
        if (!Array.isArray(items)) expect(items.reason).not.toBe('');
      }),
      { numRuns: 3000 },
    );
  });
});
