import { describe, expect, it } from 'vitest';
import { PropertyList } from '../../../src/encode/sst/properties.js';
import { TableWriter } from '../../../src/encode/sst/table-writer.js';
import { comparatorNamed } from '../../../src/format/sst/comparator.js';
import { internalKey, userKeyOf, VALUE_TYPE } from '../../../src/format/sst/internal-key.js';
import { openSource } from '../../../src/io/source.js';
import { dataBlocksOf, openDamaged } from '../../../src/repair/strategies/tables-blocks.js';

/* A key of a table of Pebble that was changed before the checksum over it was computed, and stands above all that the table had. */

const put = (key: string, sequence = 0n) => internalKey(Buffer.from(key), sequence, VALUE_TYPE.put);

async function keptOf(keys: readonly string[], largest: string, mayHold: (key: string) => boolean) {
  const comparator = comparatorNamed();
  const form = { formatVersion: 2, checksumType: 1, baseContext: 0, comparator, filter: false };
  const writer = new TableWriter({ ...form, pebble: { prefixed: false }, pebbleFooter: false });
  for (const key of keys) writer.add(put(key), Buffer.from('value'));
  writer.finish(new PropertyList().text('comparator', comparator.name));
  const pieces = writer.take().map((piece) => (piece.from === 'bytes' ? piece.bytes : new Uint8Array(0)));
  const source = await openSource({ kind: 'memory', bytes: Buffer.concat(pieces) });
  const opened = await openDamaged(source, comparator.name, 'pebble');
  const live = { smallest: put('a', 7n), largest: put(largest, 7n), largestSequence: 7n };
  const found: string[] = [];
  for await (const block of dataBlocksOf(opened, live, (key) => mayHold(Buffer.from(key).toString()))) {
    if (block.kind === 'block') found.push('all');
    else if (block.kind === 'part')
      found.push(...block.entries.map(({ key }) => Buffer.from(userKeyOf(key)).toString()));
  }
  return found;
}

describe('entries above the last key that the MANIFEST gives a table', () => {
  it('are left out where the filter denies them', async () => {
    expect(await keptOf(['a', 'b', 'c', 'x'], 'c', (key) => key !== 'x')).toEqual(['a', 'b', 'c']);
  });

  it('are kept where nothing but the MANIFEST is against them', async () => {
    expect(await keptOf(['a', 'b', 'c', 'x'], 'c', () => true)).toEqual(['all']);
  });

  it('are looked for under all sequences of that key', async () => {
    expect(await keptOf(['a', 'b', 'c'], 'c', () => false)).toEqual(['all']);
  });
});
