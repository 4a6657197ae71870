import type { Database } from '../../engine/database.js';
import { isSettled } from '../../states/disorder.js';
import { mayBeOutOfOrder } from '../../states/findings.js';
import { listStates } from '../../states/list.js';
import { outside } from '../../states/wals.js';
import type { RepairPlan } from '../plan.js';
import { unheldWrites, unloggedWrites } from './state-loss.js';
import { choiceOfTables } from './state-unproven.js';

/**
 * What is not there, or not proven, of a state whose MANIFEST stays as it is while something else is repaired: edits that it has lost, and
 * sequences of logs that are gone. What missing tables held is told with them.
 */
export async function announceAsItIs(database: Database): Promise<Pick<RepairPlan, 'loss' | 'unproven'>> {
  if (database.dialect !== 'rocksdb' || !mayBeOutOfOrder(database)) return { loss: [] };
  const states = await listStates(database);
  const { current, manifests } = states;
  if (current === undefined || isSettled(database, states)) return { loss: [] };
  const told = current.missing.map(({ smallestSequence: from, largestSequence: to }) => ({ from, to }));
  const first = current.wals[0]?.wal.last ?? 0n;
  const gaps = current.gaps.filter(({ from }) => first > 0n && from > first);
  return {
    loss: [
      ...unheldWrites(current),
      ...unloggedWrites({ ...current, gaps: gaps.flatMap((gap) => outside(told, gap)) }),
    ],
    unproven: current.whole ? [] : choiceOfTables(current, manifests),
  };
}
