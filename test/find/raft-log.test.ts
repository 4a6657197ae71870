import { describe, expect, it } from 'vitest';
import { findInRaftLog } from '../../src/find/raft-log.js';
import { exportRaftLog, raftLogIn } from '../../src/repair/export-raft-log.js';
import { withDatabase } from '../support/database.js';

const newest = '0000000000000002.raftlog';

describe('entries of a raft log', () => {
  it('are found wherever they stand, older ones too', () =>
    withDatabase('raft-engine/plain', [], async (dir) => {
      const found = await findInRaftLog(dir, { region: 1n, from: 16n, to: 18n, limit: 10 });
      expect(found?.log).toEqual({ first: 6n, last: 34n, values: 1 });
      expect(found?.entries.map(({ index, state, offset }) => [index, state, offset])).toEqual([
        [16n, 'kept', 673],
        [17n, 'older', 673],
        [17n, 'kept', 773],
        [18n, 'kept', 773],
      ]);
      expect(found?.entries[0].words).toMatchObject({ index: 16n, term: 6n });
    }));

  it('are found after damage, and those that cannot be read are named', () =>
    withDatabase('raft-engine/plain', [`zero ${newest} 950 20`, `zero ${newest} 1130 10`], async (dir) => {
      const found = await findInRaftLog(dir, { region: 1n, from: 19n, to: 21n, limit: 10 });
      expect(found?.entries.map(({ index, fault }) => [index, fault])).toEqual([
        [19n, 'checksum'],
        [21n, undefined],
      ]);
    }));

  it('are at most so many, and none in what is no raft log', async () => {
    await withDatabase('raft-engine/plain', [], async (dir) => {
      expect(await findInRaftLog(dir, { region: 1n, limit: 3 })).toMatchObject({ more: true });
      expect((await findInRaftLog(dir, { region: 99n, limit: 3 }))?.entries).toEqual([]);
    });
    await withDatabase('basic-9.7', [], async (dir) => {
      expect(await findInRaftLog(dir, { region: 1n, limit: 3 })).toBeUndefined();
      expect(await raftLogIn(dir)).toBeUndefined();
    });
  });
});

describe('an export of a raft log', () => {
  async function lines(patches: string[], lenient = false) {
    const written: string[] = [];
    const summary = await withDatabase('raft-engine/plain', patches, async (dir) =>
      exportRaftLog((await raftLogIn(dir))!, async (text) => void written.push(text), { lenient }),
    );
    return { summary, lines: written.map((text) => JSON.parse(text) as Record<string, unknown>) };
  }

  it('has every entry and key value that the log holds', async () => {
    const { summary, lines: all } = await lines([]);
    expect(summary).toEqual({ regions: 4, entries: 58, values: 6, unreadable: 0 });
    expect(all[0]).toMatchObject({ region: '1', index: '6', term: '6', size: 31 });
    expect(all.filter(({ key }) => key !== undefined)).toHaveLength(6);
  });

  it('has nothing where the engine does not open it, unless damage is to be passed', async () => {
    const damage = [`zero ${newest} 1010 20`];
    expect(await lines(damage)).toEqual({
      summary: { regions: 0, entries: 0, values: 0, unreadable: 0, refused: 'damage' },
      lines: [],
    });
    const { summary } = await lines(damage, true);
    expect(summary).toMatchObject({ refused: 'damage', regions: 4 });
    expect(summary.entries).toBeGreaterThan(50);
  });
});
