/**
 * Segments of logs that lie in both directories: Pebble opens neither (pebble wal/reader.go `Scan`). One of the two leaves: the one all of
 * whose batches the other one has, or another log; else the one that does not go on from what stands before it to what stands after it.
 */

import { createHash } from 'node:crypto';
import type { Database } from '../../engine/database.js';
import { atLeast } from '../../engine/version.js';
import { byLog } from '../../format/filename.js';
import type { InventoryEntry } from '../../io/inventory.js';
import { fileState } from '../content.js';
import { emptyPlan } from '../empty-plan.js';
import { placeIn, placeKey } from '../place.js';
import type { LossStatement, RepairPlan } from '../plan.js';
import { LostDeletions } from './lost-deletions.js';
import {
  describeRecords,
  lostFile,
  readBatches,
  readWalStates,
  sequencesOf,
  type WalState,
} from './wal-state.js';

/** Plans that each segment is here once. `undefined`: there is nothing to do, or nothing tells which of two is the right one. */
export async function planSegmentsTwice(database: Database): Promise<RepairPlan | undefined> {
  if (!atLeast(database.engineVersion, 2)) return undefined;
  const logs = database.inventory.entries
    .filter(({ kind, place }) => kind === 'wal' && (place === 'database' || place === 'wal-dir'))
    .sort(byLog);
  const pairs = logs.flatMap((log, i) =>
    i > 0 && byLog(logs[i - 1], log) === 0 ? [[logs[i - 1], log]] : [],
  );
  if (pairs.length === 0) return undefined;
  const states = await readWalStates(database, logs);
  const plan: RepairPlan = emptyPlan(database, 'metadata');
  for (const [a, b] of pairs) {
    const chosen = await choose(database, states, a, b);
    if (chosen === undefined) return undefined;
    const { goes, stays, why, loss } = chosen;
    const place = placeOf(goes);
    plan.inputs.push(
      ...(await Promise.all([goes, stays].map((e) => fileState(database.target, placeOf(e))))),
    );
    plan.steps.push({
      action: 'remove',
      ...place,
      why: `${placeKey(placeOf(stays))} is the same segment, and Pebble opens neither while both are here; ${why}`,
      changes: [{ kind: 'remove-file', offset: 0, length: goes.size, detail: 'all of it' }],
    });
    plan.loss.push(...loss);
  }
  return plan;
}

interface Choice {
  goes: InventoryEntry;
  stays: InventoryEntry;
  why: string;
  loss: LossStatement[];
}

const placeOf = ({ root, file }: InventoryEntry) => placeIn(root, file);

async function choose(
  database: Database,
  states: readonly WalState[],
  a: InventoryEntry,
  b: InventoryEntry,
): Promise<Choice | undefined> {
  // what lies in the store itself can leave without leave
  const [own, other] = a.root === undefined ? [a, b] : [b, a];
  const [ofOwn, ofOther] = [own, other].map((entry) => states.find((wal) => wal.entry === entry)!);
  const held = new Set<string>();
  for (const { entry } of states)
    if (entry !== own && entry !== other && entry.number === own.number)
      await readBatches(database, entry, (batch) => held.add(hashOf(batch)));
  const [inOwn, inOther] = [await batchesOf(database, own), await batchesOf(database, other)];
  const alone = (batches: Set<string>, than: Set<string>) =>
    new Set([...batches].filter((hash) => !than.has(hash) && !held.has(hash)));
  const [ownAlone, otherAlone] = [alone(inOwn, inOther), alone(inOther, inOwn)];
  const isHurt = ofOwn.hurt || ofOwn.facts.size < ofOther.facts.size;
  if (ownAlone.size === 0 && (otherAlone.size > 0 || isHurt || !ofOther.hurt))
    return { goes: own, stays: other, why: 'the other one has all that it holds', loss: [] };
  if (otherAlone.size === 0)
    return { goes: other, stays: own, why: 'the other one has all that it holds', loss: [] };
  const isRead = (own.number ?? 0n) >= database.walCutoff;
  const fitting = [ofOwn, ofOther].filter((wal) => fits(wal, states, database));
  if (isRead && fitting.length !== 1) return undefined;
  const stays = isRead ? fitting[0] : ofOther;
  const goes = stays === ofOwn ? ofOther : ofOwn;
  const lost = goes === ofOwn ? ownAlone : otherAlone;
  const deletions = new LostDeletions(database.dialect);
  await readBatches(database, goes.entry, (batch) => {
    if (lost.has(hashOf(batch))) deletions.add(batch, false);
  });
  return {
    goes: goes.entry,
    stays: stays.entry,
    why: isRead
      ? 'it does not go on from the batches before it to those after it'
      : 'an open would read neither: their number is below that of the first log that counts',
    loss: [
      {
        ...lostFile(goes.place),
        detail: `${describeRecords(goes)}, of which ${lost.size} are in no other log`,
        facts: sequencesOf(goes),
      },
      ...deletions.statements(goes.entry.file),
    ],
  };
}

const hashOf = (batch: Uint8Array) => createHash('sha256').update(batch).digest('base64');

/** The whole batches of a log, by a hash of each. */
async function batchesOf(database: Database, entry: InventoryEntry): Promise<Set<string>> {
  const batches = new Set<string>();
  await readBatches(database, entry, (batch) => batches.add(hashOf(batch)));
  return batches;
}

/** Whether nothing is missing before it and after it, and it goes on from there. */
function fits({ entry, facts }: WalState, states: readonly WalState[], { version }: Database): boolean {
  const { firstSequence: first, nextSequence: next } = facts;
  if (first === undefined || next === undefined) return false;
  const written = states.filter((wal) => wal.facts.firstSequence !== undefined);
  const before = written.findLast((wal) => byLog(wal.entry, entry) < 0)?.facts.nextSequence;
  const after = written.find((wal) => byLog(wal.entry, entry) > 0)?.facts.firstSequence;
  const due = before ?? (version?.lastSequence ?? 0n) + 1n;
  return first <= due && next >= (before ?? 0n) && (after === undefined || after <= next);
}
