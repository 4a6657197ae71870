import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Finding } from '../../src/finding/finding.js';
import { raftRecoveryModes } from '../../src/recovery/mode.js';
import { scanTarget } from '../../src/scan/scan.js';
import { canFail, type Fault } from '../support/faults.js';
import { withTemporaryDirectory } from '../support/files.js';
import {
  comparable,
  crateIsKilled,
  crateMissing,
  crateOpens,
  crateWrites,
  kvdoctorSays,
} from './raft-engine.js';
import { copyOf, damage, randomOf, shapes } from './raft-engine-damage.js';

/*
 * Directories that the crate raft-engine wrote, damaged, and opened by it in each recovery mode. KVDOCTOR_RAFT_DAMAGES=150 runs
 * all of the corpus: 20 directories with as many damages each; without it a few of each. KVDOCTOR_RAFT_KILLS=100 kills the process at as
 * many places of each way of writing.
 */

const why = crateMissing();
if (why !== undefined) console.log(`skipped: ${why}`);

const KILLS = Number(process.env.KVDOCTOR_RAFT_KILLS ?? 6);
const DAMAGES = Number(process.env.KVDOCTOR_RAFT_DAMAGES ?? 4);

describe.skipIf(why !== undefined)('what raft-engine makes of directories in its recovery modes', () => {
  it.each(shapes.map((options, i) => [options, i] as const))(
    '%s',
    { timeout: 600_000 },
    async (options, seed) => {
      await withTemporaryDirectory(async (parent) => {
        const whole = path.join(parent, 'whole');
        crateWrites(whole, seed, options.split(' '));
        const { findings, unchecked } = await scanTarget(whole);
        // a killed process may leave files that were to be used again before a number that is gone
        const isLeft = ({ rule, severity }: Finding) =>
          rule === 'raft-engine/passed-files' && severity === 'note';
        expect(findings.filter((each) => !isLeft(each))).toEqual([]);
        expect(unchecked).toEqual([]);
        const cases: { dir: string; what: string }[] = [{ dir: whole, what: 'nothing' }];
        const random = randomOf(1000 + seed);
        for (let i = 0; i < DAMAGES; i++) {
          const dir = copyOf(whole, path.join(parent, `damaged-${i}`));
          const what = damage(dir, random);
          cases.push({ dir, what: random(4) === 0 ? `${what}; ${damage(dir, random)}` : what });
        }
        const said = await Promise.all(cases.map(({ dir }) => kvdoctorSays(dir)));
        for (const mode of raftRecoveryModes) {
          const copies = cases.map(({ dir }, i) => copyOf(dir, path.join(parent, `${mode}-${i}`)));
          const theirs = crateOpens(mode, copies);
          for (const [i, { what }] of cases.entries()) {
            const theirWords = JSON.stringify(theirs[i]).slice(0, 300);
            expect(comparable(said[i][mode]), `${mode}, ${what}: ${theirWords}`).toEqual(
              comparable(theirs[i]),
            );
          }
        }
      });
    },
  );
});

/** What a purge does: files are used again, go, or are written anew in the rewrite queue. */
const purging = [
  'steps=300 every=10 purge=8192',
  'steps=120 format=1 every=15 purge=8192',
  'steps=250 every=7 purge=6000 file=2048',
  'steps=200 rewrite=60 squeeze=120',
];
const moments = ['before', 'half', 'after'] as const;

describe.skipIf(why !== undefined || !canFail)('a directory whose process was killed', () => {
  it.each(purging.map((options, i) => [options, i] as const))(
    'between any two changes of it, while it purged too, has no error: %s',
    { timeout: 3_600_000 },
    async (options, seed) => {
      await withTemporaryDirectory(async (parent) => {
        const words = options.split(' ');
        const changes = crateIsKilled(path.join(parent, 'whole'), seed, words, undefined);
        const operations = new Set(changes.map(({ operation }) => operation));
        expect(operations).toContain('unlink');
        if (!options.includes('format=1')) expect(operations).toContain('rename');
        expect(
          changes.some(({ file, operation }) => operation === 'write' && file.endsWith('.rewrite')),
        ).toBe(true);
        const random = randomOf(500 + seed);
        const places = changes.map((_, i) => i + 1);
        const purges = places.filter((at) => /unlink|rename/.test(changes[at - 1].operation));
        const cases: { dir: string; what: string }[] = [];
        for (let i = 0; i < KILLS; i++) {
          const at = i % 2 === 0 ? purges[random(purges.length)] : places[random(places.length)];
          const fault: Fault = { at, what: moments[random(moments.length)] };
          const dir = path.join(parent, `killed-${i}`);
          crateIsKilled(dir, seed, words, fault);
          const { operation, file } = changes[at - 1];
          cases.push({ dir, what: `killed ${fault.what} change ${at}, ${operation} ${file}` });
        }
        for (const { dir, what } of cases) {
          const { findings, unchecked } = await scanTarget(dir);
          expect(
            findings.filter(({ severity }) => severity === 'error'),
            what,
          ).toEqual([]);
          expect(unchecked, what).toEqual([]);
        }
        const said = await Promise.all(cases.map(({ dir }) => kvdoctorSays(dir)));
        for (const mode of raftRecoveryModes) {
          const copies = cases.map(({ dir }, i) => copyOf(dir, path.join(parent, `${mode}-${i}`)));
          for (const [i, theirs] of crateOpens(mode, copies).entries())
            expect(
              comparable(said[i][mode]),
              `${mode}, ${cases[i].what}: ${JSON.stringify(theirs).slice(0, 300)}`,
            ).toEqual(comparable(theirs));
        }
      });
    },
  );
});
