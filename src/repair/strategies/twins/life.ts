import type { Database } from '../../../engine/database.js';
import { readHead } from '../../../io/head.js';
import { liveTables } from '../../../scan/plan.js';
import { beginTheSame } from './composition.js';
import type { SecondSource } from './sources.js';

/** Bytes of an IDENTITY file that are looked at: it holds a UUID. */
const IDENTITY_LIMIT = 64;

/**
 * Whether a source is of the same life of a database: it has the MANIFEST of the same number, one of the two is a beginning of
 * the other, and something in it or beside it tells it from that of any other database. Whoever opens a database begins another
 * MANIFEST; a replica that was opened as often and has no tables yet has the same one (Kvrocks), and another identity.
 */
export async function isSameLife(database: Database, source: SecondSource): Promise<boolean> {
  const [mine, its] = [database.manifest, source.database.manifest];
  if (mine === undefined || its === undefined || mine.entry.number !== its.entry.number) return false;
  const length = Math.min(mine.replay.logicalEnd, its.replay.logicalEnd);
  if (length === 0 || !mine.replay.complete || !its.replay.complete) return false;
  const [own, other] = await Promise.all([identityOf(database), identityOf(source.database)]);
  if (own !== undefined && other !== undefined && own !== other) return false;
  const shorter = mine.replay.logicalEnd === length ? database : source.database;
  if (own === undefined || other === undefined) if (!hasIdentity(shorter)) return false;
  return beginTheSame(mine.entry.source, its.entry.source, length);
}

/** Whether a MANIFEST holds what no other database's does. LevelDB writes nothing of the kind: there a table has to do. */
function hasIdentity(database: Database): boolean {
  if (database.version?.databaseId !== undefined) return true;
  for (const { table } of liveTables(database).values())
    if (table.uniqueId !== undefined || database.dialect !== 'rocksdb') return true;
  return false;
}

/** Whether the IDENTITY files are of two databases. Checkpoints and backups have none. */
export async function isOtherDatabase(database: Database, source: SecondSource): Promise<boolean> {
  const [mine, its] = await Promise.all([identityOf(database), identityOf(source.database)]);
  return mine !== undefined && its !== undefined && mine !== its;
}

async function identityOf({ inventory }: Database): Promise<string | undefined> {
  const entry = inventory.entries.find(({ kind, place }) => kind === 'identity' && place === 'database');
  if (entry === undefined || entry.size === 0) return undefined;
  return Buffer.from(await readHead(entry.source, IDENTITY_LIMIT))
    .toString('latin1')
    .trim();
}
