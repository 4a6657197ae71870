import { copyFileSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { undoRepair } from '../../../src/repair/undo-repair.js';
import { withDatabase } from '../../support/database.js';
import { readFileSet } from '../../support/files.js';
import { repaired, rewriteManifest, shown } from '../../support/pebble.js';

/*
 * A rewrite of a blob file gives it another number under its id, and the edit that says so is the last one of the MANIFEST. Here the file is
 * the same but for its number: where no value has been given up a rewrite is so, too.
 */
const store = 'pebble-stores/values';

/** The store as it would be if two of its blob files had been rewritten, and the MANIFEST ended before it says so. */
const rewritten = (dir: string) => {
  renameSync(`${dir}/000006.blob`, `${dir}/000021.blob`);
  renameSync(`${dir}/000018.blob`, `${dir}/000022.blob`);
};

describe('a MANIFEST that ends before blob files were rewritten', () => {
  it.each<[string, (dir: string) => unknown]>([
    ['at an edit', rewritten],
    [
      'in damage',
      async (dir) => {
        rewritten(dir);
        await rewriteManifest(dir, (edits) => void edits.push(edits.at(-1)!));
        const bytes = readFileSync(`${dir}/MANIFEST-000001`);
        bytes[bytes.length - 1] ^= 1;
        writeFileSync(`${dir}/MANIFEST-000001`, bytes);
      },
    ],
  ])('%s, names them under their numbers', async (_, damage) => {
    await withDatabase(store, [], async (dir) => {
      const whole = await shown(dir);
      await damage(dir);
      const before = readFileSet(dir);
      const { repair, plan, findings } = await repaired(dir);
      expect(repair).toMatchObject({ state: 'repaired' });
      expect(plan?.loss).toEqual([]);
      expect(plan?.steps.map(({ file }) => file)).toEqual(['MANIFEST-000001']);
      expect(plan?.steps[0].changes.at(-1)?.detail).toBe(
        'one edit more, which names 000021.blob in the place of 000006.blob, 000022.blob in the place of 000018.blob',
      );
      expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]);
      expect(await shown(dir)).toBe(whole);
      await undoRepair(repair!.journal!, { stopped: true });
      expect(readFileSet(dir)).toEqual(before);
    });
  });

  it.each<[string, (dir: string) => unknown]>([
    [
      'of which one lacks values that tables have',
      (dir) => copyFileSync(`${dir}/000018.blob`, `${dir}/000021.blob`),
    ],
    [
      'that is damaged',
      (dir) => {
        const bytes = readFileSync(`${dir}/000006.blob`);
        bytes[40] ^= 1;
        writeFileSync(`${dir}/000021.blob`, bytes);
      },
    ],
    [
      'of which two have all values',
      (dir) => {
        for (const to of ['000021.blob', '000022.blob']) copyFileSync(`${dir}/000006.blob`, `${dir}/${to}`);
      },
    ],
    ['that is older', (dir) => copyFileSync(`${dir}/000006.blob`, `${dir}/000005.blob`)],
  ])('takes no file %s', async (_, damage) => {
    await withDatabase(store, [], async (dir) => {
      await damage(dir);
      rmSync(`${dir}/000006.blob`);
      const { plan, findings } = await repaired(dir);
      expect(plan?.steps ?? []).toEqual([]);
      expect(findings.map(({ rule }) => rule)).toContain('directory/missing-blob');
    });
  });
});
