import { type Database, filesOf } from '../../engine/database.js';
import { fileName, isCanonical } from '../../format/filename.js';
import { openTable } from '../../format/sst/table.js';
import type { WalOutcome } from '../../recovery/outcome.js';
import type { LossStatement } from '../plan.js';

/** Tables of Pebble that go with the WALs that bring them in, when these are cut: no edit names them, and Pebble deletes them. */
export async function lostIngests(
  database: Database,
  cut: readonly { outcome: WalOutcome }[],
): Promise<LossStatement[]> {
  const { pebble, inventory } = database;
  const statements: LossStatement[] = [];
  for (const [number, { wal }] of pebble?.ingested ?? []) {
    const state = cut.find(({ outcome: { file, applied } }) => file === wal && applied.length === 0);
    if (state === undefined) continue;
    const file = fileName('table', number);
    const entry = inventory.entries.find(
      (each) => each.number === number && each.place === 'database' && isCanonical(each),
    );
    const entries = entry && (await entriesOf(database, entry));
    statements.push({
      file,
      detail:
        entry === undefined
          ? `all that it held, which ${wal} would bring in: it is not there`
          : `all ${entries ?? 'of its'} entries, which ${wal} would bring in: Pebble deletes the file when it opens`,
      facts: { wal, ...(entries !== undefined && { entries: String(entries) }) },
    });
  }
  return statements;
}

async function entriesOf(
  database: Database,
  { source: place }: Database['inventory']['entries'][number],
): Promise<bigint | undefined> {
  const source = await filesOf(database).open(place);
  try {
    const { properties, propertiesSound } = await openTable(source, { dialect: 'pebble' });
    return propertiesSound ? properties?.number('num.entries') : undefined;
  } finally {
    await source.close();
  }
}
