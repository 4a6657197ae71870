import type { Profile } from '../app/profile.js';
import type { Database } from '../engine/database.js';
import { encryptedFiles } from '../engine/foreign-files.js';
import { asPebbleOpens } from '../engine/pebble-opened.js';
import { counted } from '../finding/quantity.js';
import { diskReader } from '../io/reader.js';
import { databaseView } from '../recovery/database-view.js';
import { prepareOpen } from '../recovery/open.js';
import type { Simulation } from '../recovery/simulate.js';
import type { RecoveryReport } from '../report/report.js';
import { simulateDatabase, simulatedDatabase } from '../scan/simulate-database.js';
import { reasonNotToCheck } from '../scan/target.js';
import { type Known, makePlan, type Planned, type RepairMethod } from './method.js';
import { databaseAfter } from './preview.js';
import { checkPromise } from './promise.js';
import { makeRaftPlan, refuseClosedRaftLog } from './raft-engine-method.js';
import { simulatedRaftEngine } from './simulate-raft-engine.js';

/** What a repair asks of the engine whose files these are. */
interface RepairedEngine {
  /** Why nothing is planned for such a directory. */
  unsupported?: string;
  /** What it makes of the files in each recovery mode. */
  recovery: RecoveryReport[];
  plan(method: RepairMethod, known: Omit<Known, 'simulation'>): Promise<Planned>;
  /** What it makes of the files as a plan leaves them. Rejects with a `Refusal` where that is not what the method promises. */
  result(made: Planned, method: RepairMethod): Promise<RecoveryReport[]>;
}

/** `readable`: the medium gave back all that was asked of it. */
export async function repairedEngine(
  database: Database,
  readable: boolean,
  profile?: Profile,
): Promise<RepairedEngine> {
  if (database.detection.kind === 'raft-engine') return repairedRaftEngine(database);
  const words = { ...(profile && { profile }) };
  const encrypted = await encryptedFiles(database.inventory, diskReader(database.target));
  const unsupported = reasonNotToCheck(database) ?? reasonNotToRepair(encrypted);
  const simulated =
    unsupported === undefined ? await simulatedDatabase(await asPebbleOpens(database), words) : undefined;
  const simulation = readable ? simulated?.simulation : undefined;
  const recovery = simulated?.reports ?? [];
  return {
    ...(unsupported !== undefined && { unsupported }),
    recovery,
    plan: (method, known) => makePlan(database, method, { ...known, ...(simulation && { simulation }) }),
    result: (made, method) => lsmResult(database, made, method, { readable, words, simulation, recovery }),
  };
}

/** To a repair what it cannot read is damage, and would be given up. */
function reasonNotToRepair(encrypted: ReadonlyMap<string, string>): string | undefined {
  const [first] = encrypted;
  if (first === undefined) return undefined;
  const [file, method] = first;
  const more = encrypted.size > 1 ? ` and ${counted(encrypted.size - 1, 'more file')}` : '';
  return `${file}${more} can only be read with a key (${method}, as file.dict says): a repair would give up what is in there`;
}

interface Before {
  readable: boolean;
  words: { profile?: Profile };
  simulation: Simulation | undefined;
  recovery: readonly RecoveryReport[];
}

async function lsmResult(
  database: Database,
  { plan, base }: Planned,
  method: RepairMethod,
  { readable, words, simulation, recovery }: Before,
): Promise<RecoveryReport[]> {
  const after = await asPebbleOpens(await databaseAfter(database, plan));
  const prepared = readable ? await prepareOpen(databaseView(after), after.engineVersion) : undefined;
  if ('mode' in method)
    await checkPromise(base, after, method, {
      ...(base === database && simulation && { before: simulation.prepared }),
      ...(prepared && { after: prepared }),
    });
  // what is lost may be what the application cannot do without: its own rules tell
  return simulateDatabase(after, {
    ...words,
    ...(prepared && { prepared }),
    application: plan.loss.length > 0 || !opensAsItIs(recovery),
  });
}

async function repairedRaftEngine(database: Database): Promise<RepairedEngine> {
  const { reports } = await simulatedRaftEngine(database);
  return {
    recovery: reports,
    plan: (method, known) => makeRaftPlan(database, method, known),
    async result({ plan, base }, method) {
      const after = await simulatedRaftEngine(await databaseAfter(database, plan));
      await refuseClosedRaftLog(base, after, method);
      return after.reports;
    },
  };
}

/** What is found of a directory after a repair. */
export async function recoveryOf(database: Database): Promise<RecoveryReport[]> {
  return database.detection.kind === 'raft-engine'
    ? (await simulatedRaftEngine(database)).reports
    : simulateDatabase(await asPebbleOpens(database));
}

/** The engine opens it in the mode that it has. */
export function opensAsItIs(recovery: readonly RecoveryReport[] = []): boolean {
  return (recovery.find((mode) => mode.own) ?? recovery[0])?.opens === true;
}
