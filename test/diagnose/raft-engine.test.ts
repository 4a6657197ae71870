import { describe, expect, it } from 'vitest';
import { scanTarget } from '../../src/scan/scan.js';
import { withDatabase } from '../support/database.js';

/** What scans prove of bits that are flipped in one file, `offset.bit`, after some other patches. */
async function proven(patches: readonly string[]): Promise<string[]> {
  let said: string[] = [];
  await withDatabase('raft-engine/plain', patches, async (dir) => {
    const { findings } = await scanTarget(dir);
    said = findings.flatMap(({ cause, severity, file }) =>
      cause?.restores
        ? (cause.changes ?? []).map(
            ({ offset, bit }) => `${severity} ${Number(file.slice(0, 16))}: ${offset}.${bit}`,
          )
        : [],
    );
  });
  return said;
}

const older = '0000000000000003.raftlog';
const newest = '0000000000000005.raftlog';

describe('one flipped bit in a raft log', () => {
  it.each([
    ['in the magic number', 20, 3],
    ['in the version', 60, 1],
    ['in the length of a batch', 412, 6],
    ['in the compression type', 413, 0],
    ['in the place of the items', 421, 2],
    ['in LZ4 entries', 500, 7],
    ['in entries as they are', 760, 2],
    ['in the checksum of entries', 690, 4],
    ['in items', 965, 0],
    ['in the checksum of items', 984, 5],
  ])('%s is proven', async (_, offset, bit) => {
    expect(await proven([`flip ${older} ${offset}.${bit}`])).toContain(`error 3: ${offset}.${bit}`);
  });

  it('is found wherever it lies, and nothing else is', async () => {
    for (let offset = 0; offset < 1765; offset += 37) {
      const bit = offset % 8;
      const said = await proven([`flip ${older} ${offset}.${bit}`]);
      for (const each of said) expect(each).toMatch(new RegExp(`^\\w+ 3: ${offset}\\.${bit}$`));
      // the alignment in bytes 61 to 68 is read by nobody while batches follow one another
      if (offset < 61 || offset > 68) expect(said, `${offset}.${bit}`).toHaveLength(1);
    }
  });

  it('in the last batch of the newest file it is damage, and no part of a batch that a killed process left', async () => {
    expect(await proven([`flip ${newest} 280.2`])).toEqual(['error 5: 280.2']);
    expect(await proven([`truncate ${newest} 280`])).toEqual([]);
  });

  it('two bits prove nothing', async () => {
    expect(await proven([`flip ${older} 500.7`, `flip ${older} 505.1`])).toEqual([]);
    expect(await proven([`flip ${older} 965.0`, `flip ${older} 970.1`])).toEqual([]);
  });
});
