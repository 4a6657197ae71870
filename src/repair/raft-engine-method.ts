import type { Database } from '../engine/database.js';
import { Fnv1a64 } from '../lsm/fnv1a64.js';
import { type RaftRecoveryMode, raftRecoveryModes } from '../recovery/mode.js';
import type { ReplayMachine } from '../recovery/raft-engine/replay.js';
import type { Known, Planned, RepairMethod } from './method.js';
import { Refusal } from './refusal.js';
import { simulatedRaftEngine } from './simulate-raft-engine.js';
import { planHeal } from './strategies/heal.js';
import { planHealFirst } from './strategies/heal-first.js';
import { planRaftRepair, type RaftRepairRequest } from './strategies/raft-log.js';

const modes: readonly string[] = ['point-in-time', ...raftRecoveryModes];

/** A plan for a raft log of raft-engine. `auto`: what is proven is healed, then it is cut at the last consistent batch. */
export async function makeRaftPlan(
  database: Database,
  method: RepairMethod,
  { findings }: Pick<Known, 'findings'>,
): Promise<Planned> {
  if (method.from !== undefined) throw notOfRaftLogs('--from');
  const cut = (request: RaftRepairRequest) => (base: Database) => planRaftRepair(base, request);
  if ('strategy' in method) {
    if (method.strategy === 'heal') return { plan: await planHeal(database, { findings }), base: database };
    if (method.strategy !== 'auto') throw notOfRaftLogs(`--strategy ${method.strategy}`);
    const auto = await planHealFirst(database, cut({ mode: 'point-in-time' }), { findings });
    return { plan: { ...auto.plan, strategy: 'auto' }, base: auto.healed };
  }
  if (!modes.includes(method.mode)) throw notOfRaftLogs(`--mode ${method.mode}`);
  const request: RaftRepairRequest = {
    mode: method.mode as RaftRepairRequest['mode'],
    ...(method.acceptHole && { acceptHole: true }),
  };
  if (!method.healFirst) return { plan: await cut(request)(database), base: database };
  const { plan, healed } = await planHealFirst(database, cut(request), { findings });
  return { plan, base: healed };
}

function notOfRaftLogs(option: string): Refusal {
  return new Refusal(
    'usage',
    `${option} is not for a raft log of raft-engine`,
    `it is repaired by one of these: --strategy heal, --strategy auto, ${modes.map((mode) => `--mode ${mode}`).join(', ')}`,
  );
}

/**
 * Holds a planned cut against its promise before anything is written: the result opens in every mode, and holds what the mode would
 * have left of the files as they are. A mismatch is a fault of kvdoctor, and nothing is done.
 */
export async function refuseClosedRaftLog(
  base: Database,
  after: Awaited<ReturnType<typeof simulatedRaftEngine>>,
  method: RepairMethod,
): Promise<void> {
  if ('strategy' in method && method.strategy === 'heal') return;
  const closed = after.reports.find(({ opens }) => !opens);
  if (closed !== undefined)
    throw fault(`would not open in ${closed.mode}: ${closed.error} (${closed.errorFile})`);
  if (!('mode' in method) || method.mode === 'point-in-time') return;
  const before = await simulatedRaftEngine(base);
  if (before.replay.refusals[method.mode as RaftRecoveryMode] !== undefined) return;
  if (digestOf(before.replay.machine) !== digestOf(after.replay.machine))
    throw fault(`would hold something else than ${method.mode} leaves`);
}

function fault(what: string): Refusal {
  return new Refusal(
    'refused',
    `the repaired files ${what}; nothing was changed`,
    'this is a fault of kvdoctor: please report it, and keep the directory as it is',
  );
}

/** Of all regions: which entries lie where, and the key values. */
function digestOf({ regions }: ReplayMachine): string {
  const hash = new Fnv1a64();
  const say = (text: string) => hash.update(Buffer.from(text, 'latin1'));
  for (const { region, runs, values } of [...regions.values()].sort((a, b) =>
    a.region < b.region ? -1 : 1,
  )) {
    say(`region ${region}\n`);
    for (const { first, count, place } of runs) say(`${first} ${count} ${place.file} ${place.offset}\n`);
    for (const key of [...values.keys()].sort()) {
      say(`${key} = `);
      hash.update(values.get(key)!.value);
    }
  }
  return hash.hex();
}
