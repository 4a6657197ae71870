import { describe, expect, it } from 'vitest';
import { simulateTarget } from '../../src/repair/simulate-target.js';
import { withDatabase } from '../support/database.js';

/** What each recovery mode comes to: absolute-consistency, tolerate-tail-corruption, tolerate-any-corruption. */
async function modes(name: string, patches: string[]): Promise<string[]> {
  let said: string[] = [];
  await withDatabase(`raft-engine/${name}`, patches, async (dir) => {
    const { recovery = [] } = await simulateTarget(dir);
    expect(recovery.filter(({ own }) => own).map(({ mode }) => mode)).toEqual(['tolerate-tail-corruption']);
    said = recovery.map(({ opens, harmless, error, lost, unreadable }) =>
      opens
        ? `opens${harmless ? '' : ', loses'} ${JSON.stringify(lost)} ${unreadable?.entries ?? 0}`
        : `${error}`,
    );
  });
  return said;
}

const whole = 'opens {} 0';
const hole = 'panic: memtable 1 has a hole';
const checksum = 'Corruption: Checksum expected … but got …';

describe('what raft-engine makes of a raft log in its recovery modes', () => {
  it('opens in all of them where it was closed, and not in the strictest where the process was killed', async () => {
    expect(await modes('plain', [])).toEqual([whole, whole, whole]);
    const type = 'Corruption: Unrecognized compression type';
    expect(await modes('recycled', [])).toEqual([type, whole, whole]);
    const zeros = 'Corruption: Log item offset is smaller than log batch header length';
    expect(await modes('rewritten', [])).toEqual([zeros, whole, whole]);
  });

  it('the end of a write is cut', async () => {
    const torn = 'opens {"tornBytes":221} 0';
    expect(await modes('plain', ['truncate 0000000000000005.raftlog 290'])).toEqual([
      'Corruption: log batch header broken',
      torn,
      torn,
    ]);
  });

  it('an older file is refused, or leaves a hole', async () => {
    expect(await modes('plain', ['flip 0000000000000002.raftlog 900.3'])).toEqual([checksum, checksum, hole]);
  });

  it('damaged entries are there and cannot be read', async () => {
    const lost = 'opens, loses {} 1';
    expect(await modes('plain', ['flip 0000000000000002.raftlog 700.1'])).toEqual([lost, lost, lost]);
  });
});
