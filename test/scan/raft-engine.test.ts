import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { scanTarget } from '../../src/scan/scan.js';
import { withDatabase } from '../support/database.js';

describe('a raft log of raft-engine', () => {
  it.each(['plain', 'recycled', 'rewritten'])('%s is clean', (name) =>
    withDatabase(`raft-engine/${name}`, [], async (dir) => {
      const report = await scanTarget(dir);
      expect(report.engine).toEqual({ name: 'raft-engine' });
      expect(report.findings).toEqual([]);
      expect(report.unchecked).toEqual([]);
      const read = report.files.filter(({ kind }) => kind === 'wal');
      expect(report.bytesRead).toBeGreaterThan(0);
      expect(read.every(({ status }) => status === 'clean')).toBe(true);
    }),
  );

  it('ends in zeros or nothing as a killed process leaves it, and is clean', async () => {
    await withDatabase(
      'raft-engine/plain',
      ['append 0000000000000005.raftlog 0000000000000000'],
      async (dir) => {
        fs.writeFileSync(path.join(dir, '0000000000000006.raftlog'), '');
        const first = await scanTarget(dir);
        expect(first.findings.map(({ rule, file }) => `${rule} ${file}`)).toEqual([
          'raft-engine/batch 0000000000000005.raftlog',
        ]);
        fs.rmSync(path.join(dir, '0000000000000006.raftlog'));
        expect((await scanTarget(dir)).findings).toEqual([]);
      },
    );
  });

  it('says that a whole batch follows damage', async () => {
    await withDatabase('raft-engine/plain', ['flip 0000000000000002.raftlog 900.3'], async (dir) => {
      const { findings } = await scanTarget(dir);
      expect(findings[0].evidence.proof).toContain('follows at 909');
    });
  });

  it.each([30, 57])(
    'takes a header of which %d bytes are written for what a killed process leaves',
    (written) =>
      withDatabase('raft-engine/plain', [], async (dir) => {
        const header = Buffer.alloc(69);
        fs.readFileSync(path.join(dir, '0000000000000005.raftlog')).copy(header, 0, 0, written);
        fs.writeFileSync(path.join(dir, '0000000000000006.raftlog'), header);
        const { findings } = await scanTarget(dir);
        expect(findings.map(({ rule, severity }) => [severity, rule])).toEqual([
          ['warning', 'raft-engine/torn-tail'],
        ]);
      }),
  );

  it('warns of damaged entries in the very last batch, which an open cuts off', async () => {
    // entries from 85 on; the items after them are whole
    await withDatabase('raft-engine/plain', ['zero 0000000000000005.raftlog 100 30'], async (dir) => {
      const { findings } = await scanTarget(dir);
      expect(findings.map(({ rule, severity, offset }) => [severity, rule, offset])).toContainEqual([
        'warning',
        'raft-engine/torn-tail',
        69,
      ]);
    });
    await withDatabase('raft-engine/plain', ['flip 0000000000000005.raftlog 100.3'], async (dir) => {
      const { findings } = await scanTarget(dir);
      expect(findings.map(({ rule, severity }) => [severity, rule])).toEqual([
        ['error', 'raft-engine/entries'],
      ]);
      expect(findings[0].cause?.certainty).toBe('proven');
    });
  });

  it('tells what an older file left behind from damage', async () => {
    // a file that is used again: its own batches end where those of the file that it was go on
    await withDatabase('raft-engine/plain', [], async (dir) => {
      const file = (number: number) => path.join(dir, `000000000000000${number}.raftlog`);
      const [old, own] = [fs.readFileSync(file(1)), fs.readFileSync(file(5))];
      fs.writeFileSync(file(5), Buffer.concat([own, old.subarray(own.length)]));
      expect((await scanTarget(dir)).findings).toEqual([]);
    });
  });
});
