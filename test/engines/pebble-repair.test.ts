import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { withTemporaryDirectory } from '../support/files.js';
import { rewriteManifest } from '../support/pebble.js';
import { repairInPlace } from '../support/repair.js';
import { make, makeValues, pebbleMissing, type Release, seedsAsked, seenBy } from './pebble.js';
import { disagreement } from './pebble-agree.js';
import { damage, lies } from './pebble-damage.js';

/*
 * Directories of random work that Pebble leaves when it is killed, damaged and repaired: the engine opens what the repair makes, sees
 * what simulate says, and all of what it saw before where the plan names no loss. KVDOCTOR_PEBBLE=50 makes that many
 * a release, KVDOCTOR_PEBBLE=51-80 others.
 */

const why = pebbleMissing();
if (why !== undefined) console.log(`skipped: ${why}`);

const seeds = seedsAsked([1, 2]);

/** What happens to what names the tables. */
const damages: Record<string, (dir: string, seed: number) => void | Promise<void>> = {
  nothing: () => {},
  'no MANIFEST': (dir) => {
    for (const name of fs.readdirSync(dir)) if (/^MANIFEST/.test(name)) fs.rmSync(path.join(dir, name));
  },
  'damage in the MANIFEST': (dir, seed) => {
    const name = fs
      .readdirSync(dir)
      .filter((each) => /^MANIFEST/.test(each))
      .sort()
      .at(-1)!;
    const file = path.join(dir, name);
    const bytes = fs.readFileSync(file);
    const at = Math.floor((bytes.length * (1 + (seed % 8))) / 10);
    bytes.fill(0x5a, at, Math.min(bytes.length, at + 24));
    fs.writeFileSync(file, bytes);
  },
  'any file': (dir, seed) => {
    damage(dir, seed);
  },
};
for (const [what, lie] of Object.entries(lies))
  damages[`MANIFEST: ${what}`] = (dir, seed) => rewriteManifest(dir, (edits) => lie(edits, seed));

describe.skipIf(why !== undefined)('Pebble opens what a repair makes', () => {
  const all = (['1.1.5', '2.1.7'] as Release[]).flatMap((maker) =>
    Object.keys(damages).flatMap((what) => seeds.map((seed) => [maker, what, seed] as const)),
  );
  it.each(all)('%s, %s, seed %i', { timeout: 60_000 }, async (maker, what, seed) => {
    await withTemporaryDirectory(async (parent) => {
      const dir = path.join(parent, 'db');
      make(maker, seed, dir);
      const truth = seenBy(maker, dir);
      await damages[what](dir, seed);
      const { repair, plan } = await repairInPlace(dir, { engineVersion: maker });
      if (what === 'nothing') expect(repair?.state).toBe('nothing-to-do');
      if (repair?.state !== 'repaired') return;
      const seen = seenBy(maker, dir);
      expect(seen).toMatchObject({ open: 'OK', iter: 'OK' });
      expect(await disagreement(maker, dir, seen)).toBeUndefined();
      // what the engine now deletes and did not before is in the plan
      const said = JSON.stringify(plan);
      const unsaid = seen.deleted.filter(
        (name) => name.endsWith('.sst') && !truth.deleted.includes(name) && !said.includes(name),
      );
      expect(unsaid).toEqual([]);
      if (plan?.loss.length === 0) expect([seen.n, seen.fnv]).toEqual([truth.n, truth.fnv]);
    });
  });
});

/** Leaves the edits at the end of a MANIFEST out that say nothing but which blob files were rewritten. Returns how many. */
async function withoutRewrites(dir: string): Promise<number> {
  let left = 0;
  await rewriteManifest(dir, (edits) => {
    for (;;) {
      const { valueFiles, removedValueFiles, newFiles, deletedFiles } = edits.at(-1)!;
      const isRewrite = valueFiles.some(({ id }) => removedValueFiles.some((gone) => gone.id === id));
      if (!isRewrite || newFiles.length + deletedFiles.length > 0) return;
      edits.pop();
      left++;
    }
  });
  return left;
}

describe.skipIf(why !== undefined)(
  'Pebble finds all values where the MANIFEST has lost rewrites of blob files',
  () => {
    it.each(seeds)('seed %i', { timeout: 60_000 }, async (seed) => {
      await withTemporaryDirectory(async (parent) => {
        const dir = path.join(parent, 'db');
        makeValues('2.1.7', seed, dir, ['minlz', 'zstd', 'snappy', 'none'][seed % 4]);
        const truth = seenBy('2.1.7', dir);
        if ((await withoutRewrites(dir)) === 0) return;
        const { repair, plan } = await repairInPlace(dir, { engineVersion: '2.1.7' });
        // killed before the old file was deleted
        expect(['repaired', 'nothing-to-do']).toContain(repair?.state);
        expect(plan?.loss ?? []).toEqual([]);
        const seen = seenBy('2.1.7', dir);
        expect([seen.open, seen.iter, seen.n, seen.fnv]).toEqual(['OK', 'OK', truth.n, truth.fnv]);
      });
    });
  },
);
