import { goneWals } from '../check/directory/tracked-wals.js';
import { type Database, type DatabaseRequest, liesElsewhere, readDatabase } from '../engine/database.js';
import { unseenParts } from '../engine/unseen.js';
import { reasonWalsAlone } from '../engine/wals-alone.js';
import { type ExportOptions, type ExportSink, type ExportSummary, exportEntries } from '../export/entries.js';
import { shellWord } from '../finding/shell-word.js';
import type { StateReport } from '../report/report.js';
import { reasonNotToCheck } from '../scan/target.js';
import { losesWrites } from '../states/gone-wals.js';
import { databaseAfter } from './preview.js';
import { Refusal } from './refusal.js';
import { openBackup } from './restore-backup.js';
import { databaseAsState, stateChoices } from './state-seen.js';
import { planAuto } from './strategies/auto.js';

/**
 * What is exported, and of which of the states that the files can give; default: what CURRENT leads to. `backup`: of a backup
 * directory the backup with this id.
 */
export type ExportRequest = ExportOptions & DatabaseRequest & { state?: number; backup?: number };

export interface ExportedTarget extends ExportSummary {
  /** What `repair --strategy auto` would lose and remark: a lenient export sees the database as that would leave it. */
  notes: string[];
  /** What may be missing, and what nothing shows to be. */
  remarks: string[];
  /** What was not seen: metadata that cannot be read, directories that the database names and that are not here. */
  absent: string[];
  /** Tables lie in one of them: that the rest cannot be read to its end is no sign of damage. */
  tablesAbsent: boolean;
  /** The states that the files can give, where there is a choice. */
  states: StateReport[];
}

/**
 * Exports what a reader of a directory would see. `lenient` looks at it as the repair that loses least would leave it, which is put
 * together in memory, and goes on after what cannot be read even so. Nothing of the target changes.
 */
export async function exportTarget(
  target: string,
  sink: ExportSink,
  { lenient = false, columnFamilies, onProgress, state, backup, ...request }: ExportRequest = {},
): Promise<ExportedTarget> {
  const database =
    backup === undefined
      ? await readDatabase(target, request)
      : (await openBackup(target, backup, request)).database;
  refuseBackups(database);
  const alone = reasonWalsAlone(database);
  if (alone !== undefined) throw new Refusal('incomplete', alone);
  if (database.beyond !== undefined) throw database.beyond;
  const states = database.dialect === 'pebble' ? [] : await stateChoices(database);
  // a database in several directories is not exported into one
  const { seen, notes } =
    lenient && backup === undefined
      ? await repaired(database, state)
      : { seen: await stateOf(database, state), notes: [] };
  const summary = await exportEntries(seen, sink, {
    lenient,
    ...(columnFamilies && { columnFamilies }),
    ...(onProgress && { onProgress }),
  });
  const gone = database.dialect === 'pebble' ? [] : goneWals(database);
  const files = gone.map(({ file }) => file).join(', ');
  const isHoled = losesWrites(
    gone,
    states.flatMap((each) => each.gone ?? []),
  );
  if (isHoled) notes.push(`recovery needs what was in ${files}: gone or cut short`);
  if (seen.version === undefined)
    notes.push(reasonNotToCheck(database) ?? 'there is no MANIFEST, and none can be put together');
  return {
    ...summary,
    notes,
    remarks:
      gone.length === 0 || isHoled ? [] : [`${files} is gone, and may have held writes that no table has`],
    states,
    absent: unseenParts(database).map(({ file, reason }) => `${file}: ${reason}`),
    tablesAbsent: database.absent.some(({ tables }) => tables.length > 0),
  };
}

/** A backup directory holds several databases. */
function refuseBackups({ detection, target }: Database): void {
  if (detection.kind !== 'backup') return;
  throw new Refusal(
    'usage',
    `${target} is a backup directory`,
    'say which of its backups: --backup ID; a scan tells which are whole',
    `kvdoctor scan ${shellWord(target)}`,
  );
}

async function stateOf(database: Database, state: number | undefined): Promise<Database> {
  return state === undefined ? database : (await databaseAsState(database, state)).seen;
}

async function repaired(
  database: Database,
  state: number | undefined,
): Promise<{ seen: Database; notes: string[] }> {
  // what lies in an archive or a bucket is not repaired
  if (liesElsewhere(database)) return { seen: database, notes: [] };
  // what is not here must not be repaired away
  if (database.absent.length > 0) return { seen: database, notes: [] };
  try {
    const plan = await planAuto(database, {
      onLostTombstones: 'keep-hidden',
      ...(state !== undefined && { state }),
    });
    if (plan.steps.length === 0) return { seen: database, notes: [] };
    const notes = [...plan.loss.map(({ file, detail }) => `${file}: ${detail}`), ...plan.remarks];
    return { seen: await databaseAfter(database, plan), notes };
  } catch (error) {
    if (!(error instanceof Refusal) || error.kind === 'usage') throw error;
    return { seen: database, notes: [`no repair leads to a database that opens: ${error.message}`] };
  }
}
