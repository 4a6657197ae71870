import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { raftRecoveryModes } from '../../src/recovery/mode.js';
import { withTemporaryDirectory } from '../support/files.js';
import { comparable, crateMissing, crateOpens, crateWrites, kvdoctorSays } from './raft-engine.js';
import { copyOf, damage, randomOf, shapes } from './raft-engine-damage.js';

/*
 * Directories that the crate raft-engine wrote, damaged, and opened by it in each recovery mode. KVDOCTOR_RAFT_DAMAGES=150 runs
 * all of the corpus: 20 directories with as many damages each; without it a few of each.
 */

const why = crateMissing();
if (why !== undefined) console.log(`skipped: ${why}`);

const DAMAGES = Number(process.env.KVDOCTOR_RAFT_DAMAGES ?? 4);

describe.skipIf(why !== undefined)('what raft-engine makes of directories in its recovery modes', () => {
  it.each(shapes.map((options, i) => [options, i] as const))(
    '%s',
    { timeout: 600_000 },
    async (options, seed) => {
      await withTemporaryDirectory(async (parent) => {
        const whole = path.join(parent, 'whole');
        crateWrites(whole, seed, options.split(' '));
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
