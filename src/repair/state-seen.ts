import { goneWals } from '../check/directory/tracked-wals.js';
import { type Database, type DatabaseRequest, readDatabase } from '../engine/database.js';
import type { Replacement } from '../io/inventory.js';
import type { StateReport } from '../report/report.js';
import { isSettled } from '../states/disorder.js';
import { mayBeOutOfOrder } from '../states/findings.js';
import { goneSequences } from '../states/gone-wals.js';
import { listStates } from '../states/list.js';
import { isCoherent } from '../states/order.js';
import { stateText } from '../states/text.js';
import type { LossStatement, RepairPlan } from './plan.js';
import { databaseAfter, replacementsOf } from './preview.js';
import { Refusal } from './refusal.js';
import { planMetadataRepair } from './strategies/metadata.js';

/** The states that the files can give, as a repair numbers them; none where the files are of one moment and nothing is to be chosen. */
export async function stateChoices(database: Database): Promise<StateReport[]> {
  if (database.absent.length > 0 || !mayBeOutOfOrder(database)) return [];
  const states = await listStates(database);
  // a hole that no file fills is no choice by itself; where it was a WAL, the state that ends before it is another way
  if (isSettled(database, states) && goneWals(database).length === 0) return [];
  const gone = goneSequences(database, states).map(({ from, to }) => ({
    from: String(from),
    to: String(to),
  }));
  return states.states.map((state, i) => ({
    number: i + 1,
    ...(state.current && { current: true as const }),
    coherent: isCoherent(state),
    lastSequence: String(state.lastSequence),
    columnFamilies: state.families,
    ...(state.current && gone.length > 0 && { gone }),
    detail: stateText(state),
  }));
}

/** The same of a directory. */
export async function statesOf(target: string, request: DatabaseRequest): Promise<StateReport[]> {
  return stateChoices(await readDatabase(target, request));
}

/**
 * The database as one of these states, put together in memory, and what the state gives up. Rejects with a `Refusal` where there
 * is none of that number.
 */
export async function databaseAsState(
  database: Database,
  state: number,
): Promise<{ seen: Database; loss: readonly LossStatement[] }> {
  const plan = await planOfState(database, state);
  const seen = plan.steps.length === 0 ? database : await databaseAfter(database, plan);
  return { seen, loss: plan.loss };
}

/** The files that make up one of these states, for readers that take them in place of what is on disk. */
export async function filesOfState(
  target: string,
  request: DatabaseRequest,
  state: number,
): Promise<Replacement[]> {
  return replacementsOf(await planOfState(await readDatabase(target, request), state));
}

function planOfState(database: Database, state: number): Promise<RepairPlan> {
  if (database.archived)
    throw new Refusal('usage', 'no state is put together inside an archive', 'unpack it first');
  if (database.stored)
    throw new Refusal('usage', 'no state is put together inside a bucket', 'copy it to a directory first');
  return planMetadataRepair(database, { state });
}
