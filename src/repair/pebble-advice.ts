import type { Database } from '../engine/database.js';
import { commandOn } from '../engine/given-options.js';
import { dangerOfOpening } from '../engine/pebble-danger.js';
import { fileName } from '../format/filename.js';
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
export function unforeseen(
  { version, inventory }: Database,
  { columnFamilies = [] }: RecoveryReport,
  { files }: UnreadableReport,
): { file: string; reason: string } | undefined {
  const levels = new Map<string, number>();
  for (const { tables } of version?.columnFamilies.values() ?? [])
    for (const { number, level } of tables.values()) levels.set(fileName('table', number), level);
  const isAlone = levels.size === 1 && !inventory.entries.some(({ kind }) => kind === 'wal');
  const ends = new Set(columnFamilies.map(({ problem }) => problem?.file));
  for (const { file, rule } of files) {
    if (rule === undefined) continue;
    if (UNBOUNDED.has(rule) && ends.has(file))
      return {
        file,
        reason: 'an entry runs past its block: what Pebble shows in its place is not on the disk',
      };
    if (rule === 'sst/manifest-bounds' && levels.get(file) === 0 && !isAlone)
      return {
        file,
        reason:
          'it lies in level 0 under bounds that are not its own: which of its keys Pebble shows, and how often, is not known',
      };
  }
  return undefined;
}
