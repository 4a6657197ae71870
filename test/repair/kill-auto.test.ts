import { describe, expect, it } from 'vitest';
import { readDatabase } from '../../src/engine/database.js';
import { planAuto } from '../../src/repair/strategies/auto.js';
import { fixture } from '../support/files.js';
import { canBeKilled, killAndEnd, killable } from '../support/killed-repair.js';
import { applyPatches } from '../support/patch.js';

/*
 * As kill.test.ts, for a repair that writes tables, a MANIFEST, CURRENT and a WAL: killed at some twenty of its steps, the first
 * and the last among them.
 */

const KILLS = 10;
/** `KILLS` points: four at the end, where CURRENT gets its place and the journal its end, the others spread over all. */
const pointsOf = (points: number) =>
  Array.from({ length: KILLS }, (_, n) =>
    n < 4 ? points - 1 - 3 * n : Math.round(((n - 4) * (points - 11)) / (KILLS - 5)),
  );

describe.skipIf(!canBeKilled)('a repair of everything, killed', () => {
  const made = killable(async (trials) => {
    const before = await applyPatches(fixture('basic-7.8'), [
      'flip 000015.sst 0x20.1',
      'flip 000015.sst 0x30.2',
      'flip 000019.log 0x90.5',
      'flip 000019.log 0xa0.4',
      'create CURRENT "MANIFEST-"',
    ]);
    const database = await readDatabase(trials.databaseWith(before));
    return { before, repair: await planAuto(database, { onLostTombstones: 'keep-hidden' }) };
  });

  it('writes a table, a MANIFEST and CURRENT, and cuts a WAL', () => {
    const kinds = made.repair.steps.map(({ path: name }) => name.replace(/\d+/, 'N')).sort();
    expect([...new Set(kinds)]).toEqual(['CURRENT', 'MANIFEST-N', 'N.log', 'N.sst']);
  });

  it('leaves what the next one, or an undo, ends', { timeout: 60_000 }, () =>
    killAndEnd(made, { what: 'apply', points: pointsOf(made.repairPoints), inProcess: true }),
  );

  it('and so does an undo', { timeout: 60_000 }, () =>
    killAndEnd(made, { what: 'undo', points: pointsOf(made.undoPoints), inProcess: true }),
  );
});
