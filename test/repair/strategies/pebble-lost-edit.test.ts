import { expect, it } from 'vitest';
import { readDatabase } from '../../../src/engine/database.js';
import { planAuto } from '../../../src/repair/strategies/auto.js';
import { withDatabase } from '../../support/database.js';

/* A table and the edit of Pebble's MANIFEST that names it are both gone: only the sequences tell. */

it('announces the sequences of a table that is gone with its edit', async () => {
  const damage = ['remove 000005.sst', 'zero MANIFEST-000001 80 8'];
  await withDatabase('pebble-stores/columns-v5', damage, async (dir) => {
    const { loss } = await planAuto(await readDatabase(dir), {});
    expect(loss.map(({ facts }) => [facts.from, facts.to])).toEqual([['10', '159']]);
  });
});
