import type { Profile } from '../app/profile.js';
import type { Database } from '../engine/database.js';
import { commandOn } from '../engine/given-options.js';
import { asRead } from '../engine/pebble-opened.js';
import { shellWord } from '../finding/shell-word.js';
import { TargetError } from '../io/target-error.js';
import type { RecommendationReport, TargetReport } from '../report/report.js';
import { uncheckedOrders } from '../scan/target.js';
import type { RepairMethod } from './method.js';
import { advisedRaftLog } from './raft-engine-advice.js';
import { capital, operationsKept, recommendation } from './recommend.js';
import { salvageColumn } from './salvage-column.js';

/** The strategy or recovery mode as it is typed. */
const nameOf = (way: RepairMethod) => ('mode' in way ? way.mode : way.strategy);

/** Errors stay, and this way of repairing takes none away: names what to try instead, down to reading out what can be read. */
export async function advised(
  target: TargetReport,
  database: Database,
  way: RepairMethod,
  profile: Profile | undefined,
): Promise<TargetReport> {
  if (!target.findings.some(({ severity }) => severity === 'error') || nameOf(way) === 'application')
    return target;
  // what puts it right, and which backup can be had, is said as by a scan
  if (target.backups !== undefined) return target;
  if (database.detection.kind === 'raft-engine') return advisedRaftLog(target, database, nameOf(way));
  if (nameOf(way) === 'auto') {
    const own = commandOn(database, 'repair --strategy auto --dry-run');
    const onward = target.repair?.command;
    // a refusal of the mode that is planned for knows of no plan but this one; a file that is missing comes from elsewhere
    if (onward !== undefined && onward !== own) return target;
    // over a hole the store opens: what that costs its own plan says
    const over = onward === undefined ? await waysBeside(target, database, way, profile) : undefined;
    if (over?.command !== undefined) return { ...target, recommendation: over };
    const { next, command: _, ...repair } = target.repair!;
    // what is in an order that is not known is written as it stands, and no engine takes that
    const form = uncheckedOrders(database).length > 0 ? '.export.ndjson' : '.export';
    const command = commandOn(
      database,
      `export --lenient --output ${shellWord(`${database.target}${form}`)}`,
    );
    const why =
      next === undefined || onward !== undefined
        ? 'These files do not tell what puts it right: a checkpoint, a backup or a replica may have it'
        : capital(next);
    const recommended = (await canBeRead(database))
      ? { command, reason: `${why}. What can be read can be exported:` }
      : { reason: `${why}. Nothing can be read out of these files: restore a backup.` };
    return { ...target, repair, recommendation: recommended };
  }
  const other = await waysBeside(target, database, way, profile);
  const auto = commandOn(database, 'repair --strategy auto --dry-run');
  const reason =
    'This way puts nothing right here; the plan of another one tells what the files can still give.';
  return { ...target, recommendation: other ?? { command: auto, reason } };
}

/** Whether an export finds what the files hold: without a MANIFEST of Pebble's, which no repair makes here, it does not. */
async function canBeRead(database: Database): Promise<boolean> {
  try {
    await asRead(database);
    return true;
  } catch (error) {
    if (error instanceof TargetError) return false;
    throw error;
  }
}

/** A plan that gives something up: names the way that keeps more, and what that costs. */
export async function compared(
  planned: TargetReport,
  database: Database,
  way: RepairMethod,
  profile: Profile | undefined,
): Promise<TargetReport> {
  const { plan } = planned;
  if (plan === undefined || plan.loss.length === 0) return planned;
  if (database.detection.kind === 'raft-engine') return advisedRaftLog(planned, database, nameOf(way));
  if (nameOf(way) === 'auto') return withSalvage(planned, database, profile);
  if (!('mode' in way) || way.acceptHole || way.healFirst) return planned;
  const other = await waysBeside(planned, database, way, profile);
  return other === undefined ? planned : { ...planned, recommendation: other };
}

/** The way that a simulation recommends, unless it is this one or is to do nothing. */
async function waysBeside(
  { recovery = [], findings, repair }: TargetReport,
  database: Database,
  way: RepairMethod,
  profile: Profile | undefined,
): Promise<RecommendationReport | undefined> {
  if (recovery.length === 0) return undefined;
  const words = { ...(profile && { profile }) };
  const salvage = await salvageColumn(database, words);
  const best = await recommendation(database, recovery, salvage, { ...words, findings });
  const option = 'mode' in way ? `--mode ${way.mode}` : `--strategy ${way.strategy}`;
  const own = commandOn(database, `repair ${option} --dry-run`);
  if (best.command === undefined || best.command === own) return undefined;
  return { ...best, reason: unsaid(best.reason, repair?.reason) };
}

/** A reason without the refusal that it begins with and that is said already. */
function unsaid(reason: string, refusal = ''): string {
  const [first, ...rest] = reason;
  const text = `${first.toLowerCase()}${rest.join('')}`;
  if (refusal === '' || !text.startsWith(`${refusal}. `)) return reason;
  return capital(reason.slice(refusal.length + 2));
}

/** What a salvage would keep beyond the plan of the least loss, and at what price: a remark, as it is no better way. */
async function withSalvage(
  planned: TargetReport,
  database: Database,
  profile: Profile | undefined,
): Promise<TargetReport> {
  const plan = planned.plan!;
  const result = plan.result?.find(({ own }) => own);
  const salvage = await salvageColumn(database, { ...(profile && { profile }) });
  if (result === undefined || !salvage?.opens) return planned;
  const more = operationsKept(salvage) - operationsKept(result);
  if (more <= 0) return planned;
  const guessed = salvage.unproven ? `, ${salvage.unproven} of them not proven` : '';
  const remark = `--strategy salvage would keep ${more} more operations of the WALs${guessed}, over a hole: a state that the database was never in`;
  return { ...planned, plan: { ...plan, remarks: [...plan.remarks, remark] } };
}
