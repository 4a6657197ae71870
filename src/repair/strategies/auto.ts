import type { Database } from '../../engine/database.js';
import { parseFileName } from '../../format/filename.js';
import { Pace } from '../pace.js';
import type { RepairPlan, RepairStep } from '../plan.js';
import { databaseAfter } from '../preview.js';
import { Refusal } from '../refusal.js';
import { type HealRequest, planHeal } from './heal.js';
import { healRemarks } from './heal-first.js';
import { joinPlans } from './join-plans.js';
import { type MetadataRequest, planMetadataRepair } from './metadata.js';
import { planPebbleHoles } from './pebble-holes.js';
import { lossOfUnnamedIngests } from './pebble-unnamed.js';
import { planSalvage } from './salvage-wal.js';
import { announceAsItIs } from './state-as-it-is.js';
import { planTableRepair, type TableRepairRequest } from './tables.js';
import { lossOfUnreadLogs } from './unread-logs.js';
import { planWalRepair, type WalRepairRequest } from './wal-mode.js';

/** What is known of the directory as it is. */
interface AutoFacts extends Pick<HealRequest, 'findings'>, Pick<WalRepairRequest, 'simulation'> {}

/**
 * One plan for whatever is wrong, least loss first: what is proven is healed, then metadata and tables are put right with
 * what still holds, and then the WALs end at the last consistent point, or, for LevelDB, hold all that decodes. Each part sees the files as the one before leaves them.
 */
export async function planAuto(
  database: Database,
  request: TableRepairRequest & MetadataRequest & AutoFacts,
): Promise<RepairPlan> {
  const { pace = new Pace(), findings, simulation } = request;
  let plan: RepairPlan | undefined;
  let state = database;
  let fetched = false;
  const done: RepairPlan[] = [];
  const parts = [
    (now: Database) => planHeal(now, { ...(findings && { findings }) }),
    async (now: Database) => {
      const next = await planMetadataRepair(now, request);
      fetched = next.steps.some(takesFile);
      return next;
    },
    // what lay in lost/ or under another name was not looked at before
    (now: Database) => (fetched ? planHeal(now) : undefined),
    (now: Database) => planTableRepair(now, { ...request, pace }),
    (now: Database) =>
      // LevelDB reads on after damage anyway: there is no consistent point to end at
      now.dialect === 'leveldb'
        ? planSalvage(now, undefined, true)
        : planWalRepair(now, {
            mode: now.dialect === 'pebble' ? 'default' : 'point-in-time',
            // of files that the parts before change it says nothing
            ...(now === database && simulation && { simulation }),
          }),
    (now: Database) => {
      if (now.dialect !== 'pebble') return undefined;
      const isAsFound =
        plan === undefined || !plan.steps.some(({ path }) => parseFileName(path).kind === 'wal');
      return planPebbleHoles(now, isAsFound ? (findings ?? []) : []);
    },
  ];
  for (const part of parts) {
    await pace.step();
    const next = await part(state);
    if (next === undefined || next.steps.length === 0) continue;
    done.push(next);
    plan = plan === undefined ? next : joinPlans(plan, next);
    state = await databaseAfter(database, plan);
  }
  if (plan === undefined) return { ...(await planMetadataRepair(database, request)), strategy: 'auto' };
  refuseEmpty(state);
  const unread = await lossOfUnreadLogs(state);
  const kept = done.some(({ strategy }) => strategy === 'metadata')
    ? undefined
    : await announceAsItIs(database);
  const also = [...unread, ...(await lossOfUnnamedIngests(state))].filter(({ file }) => !isNamed(plan, file));
  const loss = [...plan.loss, ...also, ...(kept?.loss ?? [])];
  const unproven = [...(plan.unproven ?? []), ...(kept?.unproven ?? [])];
  const remarks = remarksOf(done);
  return { ...plan, loss, ...(unproven.length > 0 && { unproven }), remarks, strategy: 'auto' };
}

/** Of what healing left alone, what comes after it may be the answer to. */
function remarksOf(parts: readonly RepairPlan[]): string[] {
  return parts.flatMap((part, i) =>
    part.strategy === 'heal' && i < parts.length - 1 ? healRemarks(part) : part.remarks,
  );
}

function isNamed({ loss }: RepairPlan, file: string): boolean {
  return loss.some((statement) => statement.file === file);
}

function takesFile(step: RepairStep): boolean {
  return step.action === 'write' && step.content.some(({ from }) => from === 'file');
}

/** A repair that leaves no column family would be none. */
function refuseEmpty({ version }: Database): void {
  if (version !== undefined && version.columnFamilies.size > 0) return;
  throw new Refusal('refused', 'nothing that makes up a database is left', 'restore a backup');
}
