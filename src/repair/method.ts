import type { Profile } from '../app/profile.js';
import type { Database } from '../engine/database.js';
import type { Finding } from '../finding/finding.js';
import { shellWord } from '../finding/shell-word.js';
import type { RaftRecoveryMode, RecoveryMode } from '../recovery/mode.js';
import type { Simulation } from '../recovery/simulate.js';
import { refuseUnknownSecond } from './outside.js';
import type { Pace } from './pace.js';
import type { RepairPlan } from './plan.js';
import { databaseAfter } from './preview.js';
import { planApplicationRepair } from './strategies/application.js';
import { planAuto } from './strategies/auto.js';
import { planHeal } from './strategies/heal.js';
import { planHealFirst } from './strategies/heal-first.js';
import { joinPlans } from './strategies/join-plans.js';
import { planMetadataRepair } from './strategies/metadata.js';
import { planSalvage } from './strategies/salvage-wal.js';
import { planTableRepair } from './strategies/tables.js';
import { planFrom } from './strategies/twins/plan.js';
import { planWalRepair } from './strategies/wal-mode.js';
import type { TombstonePolicy } from './tombstone-policy.js';

/** How to repair: to what a recovery mode promises, or beyond. */
export type RepairMethod = {
  /** Directories of second sources: what they prove is put back first. */
  from?: readonly string[];
  /** Take from them also what nothing proves and nothing contradicts. */
  acceptUnproven?: boolean;
} & (
  | {
      mode: RecoveryMode | RaftRecoveryMode;
      /** Where a column family's tables are ahead of the damage: keep the later WALs over the hole. */
      acceptHole?: boolean;
      /** Put back what is proven before the WALs are cut. */
      healFirst?: boolean;
    }
  | { strategy: 'heal' }
  /** Only what second sources prove. */
  | { strategy: 'from' }
  | { strategy: 'salvage' }
  | { strategy: 'application'; dropOrphans?: boolean; bringBack?: boolean }
  /** `onLostTombstones` default: `keep-hidden`; with LevelDB `accept`. */
  | { strategy: 'tables'; onLostTombstones?: TombstonePolicy }
  /** `state`: which of the states that the files can still give, by its number; default: the one that loses least. */
  | { strategy: 'metadata' | 'auto'; onLostTombstones?: TombstonePolicy; state?: number }
);

/** A plan, and the database that its promise is held against. */
export interface Planned {
  plan: RepairPlan;
  base: Database;
}

/** What is known of a directory when a repair is planned. */
export interface Known {
  findings: readonly Finding[];
  pace: Pace;
  profile?: Profile;
  /** What the recovery modes would do, where all files can be read. */
  simulation?: Simulation;
}

export async function makePlan(database: Database, method: RepairMethod, known: Known): Promise<Planned> {
  const made = await madePlan(database, method, known);
  refuseUnknownSecond(database, made.plan);
  return made;
}

async function madePlan(database: Database, method: RepairMethod, known: Known): Promise<Planned> {
  const { from, acceptUnproven, ...beyond } = method;
  if (from === undefined || from.length === 0) return makeOwnPlan(database, method, known);
  const { plan: first, findings } = await planFrom(database, {
    from,
    findings: known.findings,
    ...(acceptUnproven && { acceptUnproven }),
  });
  if ('strategy' in beyond && beyond.strategy === 'from') return { plan: first, base: database };
  if (first.steps.length === 0) {
    const { plan, base } = await makeOwnPlan(database, beyond, known);
    return { plan: { ...plan, remarks: [...first.remarks, ...plan.remarks] }, base };
  }
  const restored = await databaseAfter(database, first);
  const { plan: second, base } = await makeOwnPlan(restored, beyond, { ...ofOther(known), findings });
  return { plan: { ...joinPlans(first, second), strategy: second.strategy }, base };
}

/** A plan from what the directory itself holds. */
async function makeOwnPlan(database: Database, method: RepairMethod, known: Known): Promise<Planned> {
  const { findings } = known;
  if ('mode' in method && method.healFirst) {
    const then = (base: Database) => planOf(base, method, base === database ? known : ofOther(known));
    const { plan, healed } = await planHealFirst(database, then, { findings });
    return { plan, base: healed };
  }
  return { plan: await planOf(database, method, known), base: database };
}

/** What was known of a database says nothing of it with other files. */
function ofOther({ simulation: _, ...known }: Known): Known {
  return known;
}

function planOf(
  database: Database,
  method: RepairMethod,
  { findings, pace, profile, simulation }: Known,
): Promise<RepairPlan> {
  if ('mode' in method)
    return planWalRepair(database, {
      ...method,
      ...(profile && { profile }),
      ...(simulation && { simulation }),
    });
  if (method.strategy === 'from') throw new Error('second sources are planned before all else');
  if (method.strategy === 'heal') return planHeal(database, { findings });
  if (method.strategy === 'salvage') return planSalvage(database, profile);
  if (method.strategy === 'application')
    return planApplicationRepair(database, {
      findings,
      ...(method.dropOrphans && { dropOrphans: true }),
      ...(method.bringBack && { bringBack: true }),
    });
  const { onLostTombstones } = method;
  const policy = { ...(onLostTombstones && { onLostTombstones }) };
  if (method.strategy === 'tables') return planTableRepair(database, { ...policy, pace });
  const chosen = { ...(method.state !== undefined && { state: method.state }) };
  return method.strategy === 'metadata'
    ? planMetadataRepair(database, { ...chosen, findings })
    : planAuto(database, { ...policy, pace, findings, ...chosen, ...(simulation && { simulation }) });
}

/** What else was said of how to repair, as it is typed. */
export function methodOptions(method: RepairMethod): string[] {
  const policy = 'onLostTombstones' in method ? method.onLostTombstones : undefined;
  const state = 'state' in method ? method.state : undefined;
  const switches = [
    ['--accept-unproven', method.acceptUnproven],
    ['--accept-hole', 'acceptHole' in method && method.acceptHole],
    ['--heal-first', 'healFirst' in method && method.healFirst],
    ['--drop-orphans', 'dropOrphans' in method && method.dropOrphans],
    ['--bring-back', 'bringBack' in method && method.bringBack],
  ] as const;
  return [
    ...(policy === undefined ? [] : [`--on-lost-tombstones ${policy}`]),
    ...(state === undefined ? [] : [`--state ${state}`]),
    ...(method.from ?? []).map((source) => `--from ${shellWord(source)}`),
    ...switches.flatMap(([option, on]) => (on ? [option] : [])),
  ];
}
