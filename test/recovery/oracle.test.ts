import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { readDatabase } from '../../src/engine/database.js';
import { databaseView } from '../../src/recovery/database-view.js';
import type { RecoveryMode } from '../../src/recovery/mode.js';
import { simulateRecovery } from '../../src/recovery/simulate.js';
import { fixture, withTemporaryDirectory, writeFileSet } from '../support/files.js';
import { askOracle, type OracleMode, oracleMissing } from '../support/oracle.js';
import { applyPatches } from '../support/patch.js';

/*
 * Random damage to the WALs of the fixtures, and what Debian's RocksDB 7.8.3 does with it in each mode: opens or not, the
 * words, the last sequence number. Same seed, same damage.
 */

const modes: Record<OracleMode, RecoveryMode> = {
  absolute: 'absolute-consistency',
  pit: 'point-in-time',
  tolerate: 'tolerate-corrupted-tail',
  skip: 'skip-any-corrupted',
};

const policyNames = ['none', 'write-committed', 'write-prepared'] as const;

const bases: { name: string; policy?: 1 | 2 }[] = [
  { name: 'wal-large-7.8' },
  { name: 'wal-compressed-7.8' },
  { name: 'checksummed-7.8' },
  { name: 'transactions-7.8', policy: 1 },
  { name: 'transactions-prepared-7.8', policy: 2 },
];

/** Numerical Recipes' generator: the same numbers everywhere. */
function generator(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

function randomDamage(file: string, size: number, below: (n: number) => number): string {
  const offset = below(Math.max(1, size));
  const choices = [
    `flip ${file} ${offset}.${below(8)}`,
    `truncate ${file} ${offset}`,
    `zero ${file} ${offset} ${Math.min(size - offset, 1 + below(300))}`,
    `append ${file} ${'5a'.repeat(1 + below(60))}`,
    `cut ${file} ${offset} ${Math.min(size - offset, 1 + below(40))}`,
    `append ${file} ${'00'.repeat(32768 - (size % 32768))}`,
  ];
  return choices[below(choices.length)];
}

const missing = oracleMissing();
if (missing !== undefined) console.log(`skipped: ${missing}`);

describe.skipIf(missing !== undefined)('RocksDB 7.8.3 on damaged WALs', () => {
  for (const { name, policy } of bases) {
    it(name, async () => {
      const below = generator(name.length);
      for (let round = 0; round < 2; round++) {
        const files = fixture(name);
        const logs = [...files.keys()].filter((file) => file.endsWith('.log') && files.get(file)!.length > 0);
        const log = logs[below(logs.length)];
        const patch = randomDamage(log, files.get(log)!.length, below);
        const damaged = await applyPatches(files, [patch]);
        await withTemporaryDirectory(async (parent) => {
          const dir = path.join(parent, 'db');
          writeFileSet(damaged, dir);
          const version = { major: 7, minor: 8, patch: 3 };
          const simulation = await simulateRecovery(databaseView(await readDatabase(dir)), version, {
            policy: policyNames[policy ?? 0],
          });
          for (const [oracleMode, mode] of Object.entries(modes) as [OracleMode, RecoveryMode][]) {
            const copy = path.join(parent, oracleMode);
            fs.cpSync(dir, copy, { recursive: true });
            const { open, lastSeq } = askOracle(copy, oracleMode, policy);
            // Debian's build has assertions where a release goes on
            if (open.startsWith('the oracle died')) continue;
            const ours = simulation.modes.find((each) => each.mode === mode)!;
            const theirs = open === 'OK' ? `OK ${lastSeq}` : open.trim();
            const text = ours.opens ? `OK ${ours.lastSequence}` : ours.errorText;
            expect(text, `${patch}, ${mode}`).toBe(theirs);
          }
        });
      }
    });
  }
});
