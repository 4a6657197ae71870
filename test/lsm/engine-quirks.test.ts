import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { readDatabase } from '../../src/engine/database.js';
import { decodeBlockTail } from '../../src/format/sst/block.js';
import { openTable } from '../../src/format/sst/table.js';
import { openSource } from '../../src/io/source.js';
import { END, LOAD } from '../../src/lsm/cursor.js';
import { inventoryFiles } from '../../src/lsm/inventory-files.js';
import { mergeOperators } from '../../src/lsm/operator-names.js';
import { View } from '../../src/lsm/view.js';
import { simulateDatabase } from '../../src/scan/simulate-database.js';
import { withDatabase } from '../support/database.js';
import { inRepository } from '../support/repository.js';

/** Entries of one table, as a reader would see them if there were no other. */
async function entriesOf(dir: string, table: bigint, lenient: boolean): Promise<number> {
  const { version, inventory } = await readDatabase(dir);
  for (const { tables } of version!.columnFamilies.values())
    for (const number of [...tables.keys()]) if (number !== table) tables.delete(number);
  const view = await View.open({ version: version!, files: inventoryFiles(inventory) });
  let entries = 0;
  for (const { id } of view.columnFamilies) {
    const visible = view.visible(id, { lenient });
    for (let step = visible.step(); step !== END; step = visible.step()) {
      if (step === LOAD) await visible.load();
      else entries++;
    }
    await visible.close();
  }
  return entries;
}

const digestOf = async (dir: string) =>
  (await simulateDatabase(await readDatabase(dir), { digest: true }))[1].columnFamilies;

describe('a merge operator', () => {
  it('is known from the tables where OPTIONS is lost', async () => {
    const whole = await withDatabase('basic-7.8', [], digestOf);
    const lost = ['remove OPTIONS-000009', 'remove OPTIONS-000011'];
    await withDatabase('basic-7.8', lost, async (dir) => {
      const database = await readDatabase(dir);
      const operators = await mergeOperators(
        database.version!,
        database.options,
        inventoryFiles(database.inventory),
      );
      expect([...operators.values()].map(({ id }) => id)).toContain('StringAppendOperator');
      expect(await digestOf(dir)).toEqual(whole);
    });
  });
});

describe('an index without checksum whose first restart point was hit', () => {
  const file = '000009.sst';

  it('looks empty to an iterator that starts there, and is read whole when damage is to be read around', async () => {
    const source = await openSource({
      kind: 'file',
      path: path.join(inRepository('fixtures/formats-7.8'), file),
    });
    const { blocks } = await openTable(source);
    const { offset, size } = blocks.find(({ kind }) => kind === 'index')!.handle;
    const block = new Uint8Array(size);
    await source.read(block, offset);
    await source.close();
    const tail = decodeBlockTail(block);
    if (typeof tail === 'string') throw new Error(tail);
    const at = offset + tail.restartsOffset;

    const whole = await withDatabase('formats-7.8', [], (dir) => entriesOf(dir, 9n, false));
    expect(whole).toBeGreaterThan(0);
    await withDatabase('formats-7.8', [`write ${file} ${at} 00100000`], async (dir) => {
      expect(await entriesOf(dir, 9n, false)).toBe(0);
      expect(await entriesOf(dir, 9n, true)).toBe(whole);
    });
  });
});
