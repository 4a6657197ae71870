import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { raftRecoveryModes } from '../../src/recovery/mode.js';
import type { RepairMethod } from '../../src/repair/method.js';
import { repairTarget } from '../../src/repair/run.js';
import { withTemporaryDirectory } from '../support/files.js';
import { comparable, crateMissing, crateOpens, crateWrites, type Held, kvdoctorSays } from './raft-engine.js';
import { copyOf, damage, randomOf, shapes } from './raft-engine-damage.js';

/*
 * Damaged raft logs, repaired by kvdoctor and opened by the crate in each recovery mode. KVDOCTOR_RAFT_REPAIRS=60 repairs so many damages
 * of each of 20 directories; without it a few of four.
 */

const why = crateMissing();
if (why !== undefined) console.log(`skipped: ${why}`);

const REPAIRS = process.env.KVDOCTOR_RAFT_REPAIRS;
const DAMAGES = Number(REPAIRS ?? 4);

const methods: readonly RepairMethod[] = [
  { strategy: 'auto' },
  { mode: 'point-in-time' },
  { mode: 'tolerate-tail-corruption' },
  { mode: 'tolerate-any-corruption' },
];

async function repaired(dir: string, way: RepairMethod, output: string) {
  const hooks = { confirm: async () => true };
  return repairTarget(dir, { way, destination: { kind: 'copy', output }, tool: 'kvdoctor test' }, hooks);
}

function filesIn(dir: string): string[] {
  return fs.readdirSync(dir).filter((name) => name !== 'LOCK');
}

function sameFiles(a: string, b: string): boolean {
  const names = filesIn(a);
  return (
    names.join() === filesIn(b).join() &&
    names.every((name) => fs.readFileSync(path.join(a, name)).equals(fs.readFileSync(path.join(b, name))))
  );
}

/** Regions of which the second lacks something that the first has. */
function poorer(whole: Held, left: Held): string[] {
  if (!whole.opens || !left.opens) throw new Error('neither opens');
  return Object.keys(whole.regions).filter(
    (id) => JSON.stringify(whole.regions[id]) !== JSON.stringify(left.regions[id]),
  );
}

describe.skipIf(why !== undefined)('a repaired raft log', () => {
  const chosen = REPAIRS === undefined ? [2, 4, 7, 13] : shapes.map((_, i) => i);
  it.each(chosen.map((i) => [shapes[i], i] as const))(
    'opens in every mode: %s',
    { timeout: 1_200_000 },
    async (options, seed) => {
      await withTemporaryDirectory(async (parent) => {
        const whole = path.join(parent, 'whole');
        crateWrites(whole, seed, options.split(' '));
        const [undamaged] = crateOpens('tolerate-tail-corruption', [
          copyOf(whole, path.join(parent, 'opened')),
        ]);
        const random = randomOf(77 + seed);
        const results: { dir: string; what: string; losses: string }[] = [];
        for (let i = 0; i < DAMAGES; i++) {
          const dir = copyOf(whole, path.join(parent, `damaged-${i}`));
          const what = damage(dir, random);
          for (const [m, way] of methods.entries()) {
            const output = path.join(parent, `repaired-${i}-${m}`);
            const before = copyOf(dir, path.join(parent, 'before'));
            const said = `${JSON.stringify(way)}, ${what}`;
            const { repair, plan, findings } = await repaired(dir, way, output);
            expect(sameFiles(dir, before), said).toBe(true);
            fs.rmSync(before, { recursive: true });
            if (repair?.state === 'refused' || repair?.state === 'nothing-to-do') continue;
            const keepsUnreadable = 'mode' in way && way.mode !== 'point-in-time';
            expect(['repaired', ...(keepsUnreadable ? ['not-clean'] : [])], said).toContain(repair?.state);
            if (!keepsUnreadable) expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]);
            // one flipped bit is put back to the byte, where nothing else was done
            if ('strategy' in way && what.startsWith('flip') && plan?.loss.length === 0)
              expect(sameFiles(whole, output), said).toBe(true);
            const losses = (plan?.loss ?? []).map(({ detail }) => detail).join('; ');
            results.push({ dir: output, what: said, losses });
          }
        }
        const says = await Promise.all(results.map(({ dir }) => kvdoctorSays(dir)));
        for (const mode of raftRecoveryModes) {
          const copies = results.map(({ dir }, i) => copyOf(dir, path.join(parent, `${mode}-${i}`)));
          for (const [i, theirs] of crateOpens(mode, copies).entries()) {
            const { what, losses } = results[i];
            expect(theirs.opens, `${mode}, ${what}: ${JSON.stringify(theirs).slice(0, 200)}`).toBe(true);
            expect(comparable(theirs), what).toEqual(comparable(says[i][mode]));
            // nothing goes that is not announced: its region is named, or lay in bytes that are no batch
            for (const region of poorer(undamaged, theirs))
              expect(losses, `${what}: region ${region}`).toMatch(
                new RegExp(`region ${region} |no whole batch`),
              );
          }
        }
      });
    },
  );
});
