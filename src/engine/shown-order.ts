/**
 * LevelDB writes down the name of the order in which keys stand, and nothing else tells what it is. Of an application's own
 * comparator the tables show it: keys that stand next to each other in blocks whose checksums hold, and in indexes.
 */
import type { Version } from '../format/manifest/version.js';
import { comparatorNamed, compareBytes, type ShownOrder, withShownOrder } from '../format/sst/comparator.js';
import { readDataBlocks } from '../format/sst/data-blocks.js';
import { KEY_TRAILER } from '../format/sst/internal-key.js';
import { openTable, type Table } from '../format/sst/table.js';
import type { Inventory } from '../io/inventory.js';
import type { Files } from '../io/source.js';

/** What is looked at: so many tables, and of each so many separators and data blocks. */
const TABLES = 256;
const SEPARATORS = 2048;
const BLOCKS = 4;
/** Fewer pairs of keys may stand in an order by chance. */
const FEWEST = 8;
/** One pair in so many may be out of order: a damaged table, not another order. */
const STRAYS = 50;

/** Notes in the version of a LevelDB directory what order its tables show, where its comparator is not known. */
export async function showOrder(version: Version, inventory: Inventory, files: Files): Promise<void> {
  const family = version.columnFamilies.get(0);
  if (family === undefined || comparatorNamed(family.comparator || undefined).order !== 'unknown') return;
  const pairs = { rising: 0, falling: 0 };
  const live = inventory.entries.filter(
    ({ kind, number, place }) =>
      kind === 'table' && place === 'database' && number !== undefined && family.tables.has(number),
  );
  for (const entry of live.slice(0, TABLES)) {
    try {
      const source = await files.open(entry.source);
      try {
        await countPairs(await openTable(source, { dialect: 'leveldb' }), pairs);
      } finally {
        await source.close();
      }
    } catch (error) {
      // the scan says what cannot be read
      if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    }
  }
  const shown = orderOf(pairs);
  if (shown !== undefined) family.comparator = withShownOrder(family.comparator, shown);
}

interface Pairs {
  rising: number;
  falling: number;
}

function orderOf({ rising, falling }: Pairs): ShownOrder | undefined {
  if (rising + falling < FEWEST) return undefined;
  if (falling * STRAYS <= rising) return 'bytewise';
  return rising * STRAYS <= falling ? 'reverse' : 'unknown';
}

async function countPairs(table: Table, pairs: Pairs): Promise<void> {
  const { index } = table;
  if (index === undefined || !table.indexSound) return;
  let previous: Uint8Array | undefined;
  const count = (key: Uint8Array) => {
    const order = previous === undefined ? 0 : compareBytes(previous, key);
    if (order < 0) pairs.rising++;
    if (order > 0) pairs.falling++;
    previous = key;
  };
  for (let i = 0; i < Math.min(index.count, SEPARATORS); i++) {
    const separator = index.separator(i);
    count(separator.slice(0, Math.max(0, separator.length - KEY_TRAILER)));
  }
  let blocks = 0;
  for await (const block of readDataBlocks(table)) {
    previous = undefined;
    for (const { key } of block.entries()) count(key);
    if (++blocks === BLOCKS) return;
  }
}
