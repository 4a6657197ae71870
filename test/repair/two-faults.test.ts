import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { readDatabase } from '../../src/engine/database.js';
import type { RepairPlan } from '../../src/repair/plan.js';
import { Refusal } from '../../src/repair/refusal.js';
import { planAuto } from '../../src/repair/strategies/auto.js';
import { randomOf } from '../engines/raft-engine-damage.js';
import { carryOut } from '../support/carry-out.js';
import { withDatabase } from '../support/database.js';
import { visible } from '../support/visible.js';

/* Two files or more damaged at once, at random places: a repair that announces no loss loses nothing. */

const ROUNDS = Number(process.env.KVDOCTOR_TWO_FAULTS ?? 12);
const SEED = Number(process.env.KVDOCTOR_SEED ?? 1);
const DATABASES = [
  'basic-7.8',
  'basic-9.7',
  'blob-7.8',
  'wide-7.8',
  'leveldb',
  'titan/lz4',
  'pebble-stores/cosmos',
  'pebble-stores/valueblocks',
];

/** What a torn or missing log has lost nobody can tell. */
const DAMAGED = /^(?:MANIFEST|CURRENT)|\.(?:sst|ldb|blob)$/;

function damage(dir: string, random: (below: number) => number): string[] {
  const files = fs.readdirSync(dir).filter((name) => DAMAGED.test(name));
  const manifest = files.find((name) => name.startsWith('MANIFEST'))!;
  return Array.from({ length: 2 + random(2) }, (_, i) => {
    const name = i === 0 && random(2) === 0 ? manifest : files[random(files.length)];
    const file = path.join(dir, name);
    const bytes = fs.readFileSync(file);
    const at = random(bytes.length || 1);
    const how = random(3);
    if (how === 0) fs.writeFileSync(file, bytes.subarray(0, at));
    else if (how === 1)
      fs.writeFileSync(file, bytes.fill(0, at, Math.min(bytes.length, at + 20 + random(600))));
    else {
      if (bytes.length > 0) bytes[at] ^= 1 << random(8);
      fs.writeFileSync(file, bytes);
    }
    return `${['cut', 'zeroed', 'flipped'][how]} ${name} at ${at}`;
  });
}

async function planned(dir: string): Promise<RepairPlan | undefined> {
  try {
    return await planAuto(await readDatabase(dir), { onLostTombstones: 'keep-hidden' });
  } catch (error) {
    if (error instanceof Refusal) return undefined;
    throw error;
  }
}

describe('a repair of several damaged files', () => {
  it.each(DATABASES)(
    'of %s announces what it loses',
    async (name) => {
      const truth = await withDatabase(name, [], visible);
      const random = randomOf(SEED);
      for (let round = 0; round < ROUNDS; round++)
        await withDatabase(name, [], async (dir) => {
          const done = damage(dir, random).join(', ');
          const plan = await planned(dir);
          if (plan === undefined || plan.steps.length === 0) return;
          const isTold = plan.loss.length > 0 || plan.unproven || plan.undecided;
          if (isTold || plan.remarks.some((remark) => remark.startsWith('left alone'))) return;
          await carryOut(plan, dir);
          expect(await visible(dir), done).toEqual(truth);
        });
    },
    240_000,
  );
});
