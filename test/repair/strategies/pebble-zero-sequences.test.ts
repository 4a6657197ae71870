import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { encodeBatch } from '../../../src/encode/batch/encode.js';
import { LogWriter } from '../../../src/encode/log/writer.js';
import { emptyEdit } from '../../../src/format/manifest/edit.js';
import { readDataBlocks } from '../../../src/format/sst/data-blocks.js';
import { internalKey, VALUE_TYPE } from '../../../src/format/sst/internal-key.js';
import { openTable } from '../../../src/format/sst/table.js';
import { memorySource } from '../../../src/io/source.js';
import { simulateTarget } from '../../../src/repair/simulate-target.js';
import { withDatabase } from '../../support/database.js';
import { repaired, rewriteManifest, shown } from '../../support/pebble.js';
import { writeTable } from '../../support/pebble-table.js';

/** The value of the key that table 11 holds. */
async function latest(dir: string): Promise<string> {
  const source = memorySource(fs.readFileSync(path.join(dir, '000011.sst')));
  for await (const block of readDataBlocks(await openTable(source, {})))
    for (const { value } of block.entries()) return Buffer.from(value).toString('latin1');
  return '';
}

async function repairOf(one: Record<string, string>, other: Record<string, string>) {
  return withDatabase('pebble-stores/cosmos', [], async (dir) => {
    for (const name of fs.readdirSync(dir)) if (/^MANIFEST/.test(name)) fs.rmSync(path.join(dir, name));
    writeTable(dir, 90, one);
    writeTable(dir, 91, other);
    return (await repaired(dir)).repair;
  });
}

describe('tables of Pebble without a MANIFEST', () => {
  it('that hold one key without a sequence are not both taken for live', async () => {
    const repair = await repairOf({ z1: 'old', z2: 'old', z3: 'x' }, { z1: 'new', z2: 'new', z4: 'y' });
    expect(repair).toMatchObject({
      state: 'refused',
      reason: expect.stringMatching(/tables 90 and 91 hold the same key without a sequence/),
    });
  });

  it('that hold other keys are', async () => {
    const repair = await repairOf({ z1: 'a', z3: 'b' }, { z2: 'c', z4: 'd' });
    expect(repair?.state).toBe('repaired');
  });

  it('whose sequences are 0 may hold what stands between the MANIFEST and the logs', async () => {
    await withDatabase('pebble-stores/cosmos', ['remove 000012.log'], async (dir) => {
      writeTable(dir, 90, { z1: 'a', z2: 'b' });
      const batch = encodeBatch({
        sequence: 9000n,
        ops: [{ kind: 'put', columnFamily: 0, key: Buffer.from('z3'), value: Buffer.from('c') }],
      });
      fs.writeFileSync(
        path.join(dir, '000091.log'),
        new LogWriter({ number: 91n, recyclable: true }).record(batch),
      );
      const { plan } = await repaired(dir);
      expect(plan?.steps.filter(({ action }) => action === 'remove') ?? []).toEqual([]);
      expect(fs.existsSync(path.join(dir, '000091.log'))).toBe(true);
    });
  });

  it('that are of an older moment than the log of the MANIFEST are no sign of a lost edit', async () => {
    await withDatabase('pebble-stores/cosmos', [], async (dir) => {
      writeTable(dir, 3, { z1: 'a', z2: 'b' }, { first: 300n });
      const { repair, findings } = await repaired(dir);
      expect(repair?.state).toBe('nothing-to-do');
      expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]);
    });
  });

  it.each([
    ['holds what no live table does: it may have been ingested', { z1: 'a' }, ['000090.sst']],
    ['holds what a live table does: a compaction made it', { 's/latest': undefined }, []],
  ])('beside a MANIFEST that is whole, %s', async (_, keys, unchecked) => {
    await withDatabase('pebble-stores/cosmos', [], async (dir) => {
      const puts: Record<string, string> = {};
      for (const [key, value] of Object.entries(keys)) puts[key] = value ?? (await latest(dir));
      writeTable(dir, 90, puts);
      const told = (report: { unchecked: { file: string }[] }) => report.unchecked.map(({ file }) => file);
      expect(told(await simulateTarget(dir))).toEqual(unchecked);
      const { repair, ...report } = await repaired(dir);
      expect([repair?.state, ...told(report)]).toEqual(['nothing-to-do', ...unchecked]);
    });
  });

  it('that no edit names is announced where something else is repaired', async () => {
    await withDatabase('pebble-stores/cosmos', ['zero 000010.sst 3300 64'], async (dir) => {
      writeTable(dir, 90, { z1: 'a' });
      const { plan } = await repaired(dir);
      expect(plan?.loss.map(({ file }) => file)).toContain('000090.sst');
    });
  });

  it('is not called damaged afterwards for one that has gone into another, whose sequences are 0', async () => {
    await withDatabase('pebble-stores/cosmos', [], async (dir) => {
      for (const name of fs.readdirSync(dir)) if (/^MANIFEST/.test(name)) fs.rmSync(path.join(dir, name));
      writeTable(dir, 90, { z1: 'a', z2: 'b' }, { first: 5000n });
      writeTable(dir, 91, { z1: 'a', z2: 'b', z3: 'c' });
      const { repair, findings } = await repaired(dir);
      expect(repair?.state).toBe('repaired');
      expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]);
    });
  });
});

describe('a table of Pebble without sequences in the place of one with the same first and last key', () => {
  const [older, newer] = [
    { z1: 'a', z2: 'b', z3: 'c' },
    { z1: 'd', z3: 'e' },
  ];

  async function damaged(damage: (dir: string) => void) {
    return withDatabase('pebble-stores/cosmos', [], async (dir) => {
      const sizes = [writeTable(dir, 90, older), writeTable(dir, 91, newer, { first: 30n })];
      await rewriteManifest(dir, (edits) => {
        const newFiles = [0, 1].map((i) => ({
          ...edits.flatMap((each) => each.newFiles)[0],
          ...{ level: i === 0 ? 6 : 0, number: BigInt(90 + i), size: BigInt(sizes[i]) },
          smallest: internalKey(Buffer.from('z1'), i === 0 ? 0n : 30n, VALUE_TYPE.put),
          largest: internalKey(Buffer.from('z3'), i === 0 ? 0n : 31n, VALUE_TYPE.put),
          smallestSequence: i === 0 ? 0n : 30n,
          largestSequence: i === 0 ? 0n : 31n,
        }));
        edits.push({ ...emptyEdit(), newFiles, nextFileNumber: 92n });
      });
      const whole = await shown(dir);
      damage(dir);
      const { repair, plan } = await repaired(dir);
      return { whole, repair, plan, after: await shown(dir) };
    });
  }

  it('is another table, and what the other one held is lost', async () => {
    const { repair, plan } = await damaged((dir) =>
      fs.copyFileSync(`${dir}/000090.sst`, `${dir}/000091.sst`),
    );
    expect(repair?.state).toBe('repaired');
    expect(plan?.loss).toMatchObject([{ file: '000091.sst' }, { file: '000091.sst' }]);
  });

  it('gets its own place back', async () => {
    const { repair, plan, whole, after } = await damaged((dir) => {
      fs.renameSync(`${dir}/000090.sst`, `${dir}/x`);
      fs.renameSync(`${dir}/000091.sst`, `${dir}/000090.sst`);
      fs.renameSync(`${dir}/x`, `${dir}/000091.sst`);
    });
    expect(repair?.state).toBe('repaired');
    expect(plan?.loss).toEqual([]);
    expect(after).toBe(whole);
  });

  it('gets its own content back where this has the name of a table that was let go of', async () => {
    await withDatabase('pebble-stores/cosmos', [], async (dir) => {
      const size = writeTable(dir, 91, older);
      await rewriteManifest(dir, (edits) => {
        const newFiles = edits.flatMap((each) => each.newFiles).slice(0, 1);
        const keys = { smallest: internalKey(Buffer.from('z1'), 0n, VALUE_TYPE.put) };
        const largest = internalKey(Buffer.from('z3'), 0n, VALUE_TYPE.put);
        const sequences = { smallestSequence: 0n, largestSequence: 0n };
        const added = { ...newFiles[0], ...keys, ...sequences, largest, number: 91n, size: BigInt(size) };
        edits.push({ ...emptyEdit(), newFiles: [{ ...added, level: 6 }], nextFileNumber: 92n });
      });
      const whole = await shown(dir);
      fs.renameSync(`${dir}/000091.sst`, `${dir}/000090.sst`);
      writeTable(dir, 91, newer);
      const { repair, plan } = await repaired(dir);
      expect(repair?.state).toBe('repaired');
      expect(plan?.loss).toEqual([]);
      expect(await shown(dir)).toBe(whole);
    });
  });
});
