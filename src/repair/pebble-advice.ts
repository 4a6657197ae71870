import { type Database, filesOf } from '../engine/database.js';
import { commandOn } from '../engine/given-options.js';
import { dangerOfOpening } from '../engine/pebble-danger.js';
import { fileName } from '../format/filename.js';
import { fileBehind } from '../format/manifest/version.js';
import { VALUE_TYPE } from '../format/sst/internal-key.js';
import { openTable } from '../format/sst/table.js';
import { flushesReplayed } from '../lsm/recovered-view.js';
import { databaseView } from '../recovery/database-view.js';
import { prepareOpen, simulateOpen } from '../recovery/open.js';
import type { RecommendationReport, RecoveryReport, UnreadableReport } from '../report/report.js';

/** What to do with a Pebble directory, and above all what not to do. */
export function pebbleAdvice(database: Database, modes: readonly RecoveryReport[]): RecommendationReport {
  const [own] = modes;
  const { pebble } = database;
  const command = commandOn(database, 'repair --strategy auto --dry-run');
  const copy = 'Copy the directory first.';
  const danger = dangerOfOpening(database);
  if (danger !== undefined && pebble?.isNew)
    return { ...(!pebble.mustBePristine && { command }), reason: `Do not open it: ${danger}. ${copy}` };
  if (!own.opens) return { command, reason: `Pebble refuses (${own.error}). ${copy}` };
  if (danger !== undefined) return { command, reason: `Do not open it: ${danger}. ${copy}` };
  if (own.harmless) return { reason: 'Pebble opens it and loses nothing that the files still tell of.' };
  return {
    command,
    reason: `Do not open it: Pebble would open without what is damaged, and delete the WALs. ${copy}`,
  };
}

/** Damage inside an intact block: Pebble looks at no bounds there and shows what stands behind them in memory. */
const UNBOUNDED: ReadonlySet<string> = new Set(['sst/bad-entry', 'sst/bad-block']);

/**
 * The file that keeps from telling what an iterator of Pebble shows, and why: it reads on behind the end of a block, or puts tables of
 * level 0 together by bounds that are not theirs.
 */
export async function unforeseen(
  database: Database,
  { columnFamilies = [] }: RecoveryReport,
  { files }: UnreadableReport,
): Promise<{ file: string; reason: string } | undefined> {
  const level0 = tablesOfLevel0(database);
  const ends = new Set(columnFamilies.map(({ problem }) => problem?.file));
  for (const { file, rule } of files) {
    if (rule === undefined) continue;
    if (UNBOUNDED.has(rule) && ends.has(file))
      return {
        file,
        reason: 'an entry runs past its block: what Pebble shows in its place is not on the disk',
      };
    if (rule !== 'sst/manifest-bounds' || !level0.has(file) || (await isReadByBounds(database, level0)))
      continue;
    return {
      file,
      reason:
        'it lies in level 0 under bounds that are not its own: which of its keys Pebble shows, and how often, is not known',
    };
  }
  return undefined;
}

function tablesOfLevel0({ version }: Database): Set<string> {
  const tables = [...(version?.columnFamilies.values() ?? [])].flatMap((family) => [
    ...family.tables.values(),
  ]);
  return new Set(
    tables
      .filter(({ level }) => level === 0)
      .map((table) => fileName('table', fileBehind(version!, table).number)),
  );
}

/** Bytes of keys and values that a flush of 1.x surely puts into one table: its files of level 0 have 2 MiB unless the program says otherwise. */
const ONE_TABLE = 1 << 20;

/**
 * Whether a view that sorts level 0 by the stated bounds (lsm/runs.ts) shows what Pebble does: of ranges it cuts off what lies outside the
 * bounds of their table, of several logs it makes several tables, and from 2.0 on it flushes when it comes to it.
 */
async function isReadByBounds(database: Database, level0: ReadonlySet<string>): Promise<boolean> {
  for (const entry of database.inventory.entries) {
    if (entry.place !== 'database' || !level0.has(entry.name)) continue;
    const source = await filesOf(database).open(entry.source);
    try {
      const { rangeTombstones, rangeKeys } = await openTable(source, { dialect: 'pebble' });
      if (rangeTombstones.length + rangeKeys.length > 0) return false;
    } finally {
      await source.close();
    }
  }
  let [bytes, points] = [0, 0];
  const prepared = await prepareOpen(databaseView(database), database.engineVersion);
  const outcome = await simulateOpen(prepared, 'default', {
    apply(_, __, type, key, value) {
      bytes += key.length + value.length;
      if (type !== VALUE_TYPE.rangeDelete) points++;
    },
  });
  const operations = outcome.wals.reduce((sum, wal) => sum + wal.operations, 0);
  return (
    operations === 0 || (flushesReplayed(database, outcome) && points === operations && bytes <= ONE_TABLE)
  );
}

/**
 * A log that is replayed although tables hold it, with range tombstones: what a level holds counts as older than those of the levels
 * above it, so that Pebble skips keys which are newer than the tombstone, too, depending on where it stands (pebble merging_iter.go).
 */
export async function hidesNewerKeys(
  database: Database,
): Promise<{ file: string; reason: string } | undefined> {
  const tables = [...(database.version?.columnFamilies.get(0)?.tables.values() ?? [])];
  let reach = 0n;
  for (const { smallestSequence, largestSequence } of tables)
    if (largestSequence > reach && smallestSequence !== largestSequence) reach = largestSequence;
  // an edit had moved on from the log that another begins with
  const wentBack = database.manifest?.replay.begunWals.some((number) => number > database.walCutoff) === true;
  let hides = false;
  const prepared = await prepareOpen(databaseView(database), database.engineVersion);
  const { wals, opens } = await simulateOpen(prepared, 'default', {
    apply(_, sequence, type) {
      hides ||= type === VALUE_TYPE.rangeDelete && (wentBack || sequence <= reach);
    },
  });
  const [first] = wals.filter(({ operations }) => operations > 0);
  if (!opens || !hides || first === undefined) return undefined;
  return {
    file: first.file,
    reason:
      'it is replayed although tables hold it, with deletions of ranges: which newer keys of the tables these hide is not known',
  };
}
