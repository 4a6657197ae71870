import { describe, expect, it } from 'vitest';
import { BLOCK_TRAILER, type BlockHandle } from '../../../src/format/sst/handle.js';
import { openTable } from '../../../src/format/sst/table.js';
import { foundBlocks, tableBlocks } from '../../../src/format/sst/table-blocks.js';
import { memorySource } from '../../../src/io/source.js';
import { dataBlocksOf, openDamaged } from '../../../src/repair/strategies/tables-blocks.js';
import { fixture } from '../../support/files.js';

/** Tables with two data blocks or more. */
const tables: [string, string, Uint8Array][] = ['basic-7.8', 'formats-7.8', 'wide-7.8', 'leveldb'].flatMap(
  (name) =>
    [...fixture(name)]
      .filter(([file]) => /\.(?:sst|ldb)$/.test(file))
      .map(([file, bytes]): [string, string, Uint8Array] => [name, file, bytes]),
);

async function listed(bytes: Uint8Array): Promise<BlockHandle[]> {
  const handles: BlockHandle[] = [];
  for await (const handle of (await tableBlocks(await openTable(memorySource(bytes))))?.handles ?? [])
    handles.push(handle);
  return handles;
}

async function found(bytes: Uint8Array) {
  const blocks = await foundBlocks(await openTable(memorySource(bytes)));
  const handles: BlockHandle[] = [];
  for await (const handle of blocks?.handles ?? []) handles.push(handle);
  return { handles, gaps: blocks?.gaps ?? [] };
}

const anywhere = { smallest: new Uint8Array(0), largestSequence: 1n << 56n };

async function repaired(bytes: Uint8Array): Promise<number[]> {
  const offsets: number[] = [];
  const opened = await openDamaged(memorySource(bytes), '', 'rocksdb');
  for await (const each of dataBlocksOf(opened, anywhere))
    if (each.kind === 'block') offsets.push(each.offset);
  return offsets;
}

/** A table whose index block has a wrong byte, in the middle. */
async function withoutIndex(bytes: Uint8Array): Promise<Uint8Array | undefined> {
  const { blocks, footer } = await openTable(memorySource(bytes));
  const index = blocks.find(({ kind }) => kind === 'index');
  if (index === undefined || footer === undefined) return undefined;
  const damaged = bytes.slice();
  damaged[index.handle.offset + (index.handle.size >> 1)] ^= 0x40;
  return damaged;
}

describe('the blocks of a table', () => {
  it.each(tables)(
    '%s/%s are found without its index as its index names them',
    async (_name, _file, bytes) => {
      const { checksumType } = (await openTable(memorySource(bytes))).space ?? {};
      if (checksumType === 0 || checksumType === undefined) return;
      const handles = (await listed(bytes)).sort((a, b) => a.offset - b.offset);
      const blocks = await found(bytes);
      expect(blocks.handles).toEqual(handles);
      // one is aligned to 512 bytes, which only its index tells from zeros that were data
      for (const { offset, length } of blocks.gaps)
        expect(bytes.subarray(offset, offset + length).every((byte) => byte === 0)).toBe(true);
    },
  );

  it('are the same for scan, find and repair where the index is damaged', async () => {
    let compared = 0;
    for (const [, , bytes] of tables) {
      const damaged = await withoutIndex(bytes);
      if (damaged === undefined || (await openTable(memorySource(damaged))).indexSound) continue;
      const handles = await listed(damaged);
      const { handles: again } = await found(damaged);
      expect(again).toEqual(handles);
      const offsets = handles.map(({ offset }) => offset);
      expect(offsets).toEqual(expect.arrayContaining(await repaired(damaged)));
      compared += handles.length;
    }
    expect(compared).toBeGreaterThan(20);
  });

  it('leave a gap where a block is damaged that nothing else tells of', async () => {
    const [, , bytes] = tables.find(([name]) => name === 'wide-7.8') ?? tables[0];
    const handles = (await listed(bytes)).sort((a, b) => a.offset - b.offset);
    expect(handles.length).toBeGreaterThan(2);
    const damaged = bytes.slice();
    damaged[handles[1].offset + 3] ^= 1;
    // without a footer there is no index at all
    damaged.fill(0, damaged.length - 53);
    const { handles: left, gaps } = await found(damaged);
    expect(left).toEqual([handles[0]]);
    expect(gaps).toEqual([{ offset: handles[1].offset, length: damaged.length - handles[1].offset }]);
    expect(handles[1].offset).toBe(handles[0].offset + handles[0].size + BLOCK_TRAILER);
  });
});
