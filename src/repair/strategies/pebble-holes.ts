import type { Database } from '../../engine/database.js';
import { goneFirstWal } from '../../engine/pebble-first-wal.js';
import type { Finding } from '../../finding/finding.js';
import { parseFileName } from '../../format/filename.js';
import { endMarkOf } from '../../format/log/physical.js';
import { goneFirstSegment } from '../../states/gone-wals.js';
import { emptyPlan } from '../empty-plan.js';
import type { FilePlace } from '../place.js';
import type { LossStatement, RepairPlan, RepairStep } from '../plan.js';
import { LostDeletions } from './lost-deletions.js';
import {
  describeRecords,
  inOrder,
  inputsOf,
  lostFile,
  readBatches,
  readWalStates,
  sequencesOf,
  type WalState,
} from './wal-state.js';

/** Rules of holes that Pebble does not see: it opens over them. */
const HOLES: ReadonlySet<string> = new Set(['sequence/gap-between-wals', 'wal/emptied']);

/**
 * Plans what ends a database before a hole between its WALs, which Pebble opens over without a word: newer WALs are left out. One
 * that is missing, or holds another's records and none of its own, becomes an empty one. `findings`: of these very files.
 */
export async function planPebbleHoles(database: Database, findings: readonly Finding[]): Promise<RepairPlan> {
  const errors = findings.filter(({ severity }) => severity === 'error');
  const wals = await readWalStates(database);
  const gone = goneFirstWal(database) ?? (await goneFirstSegment(database));
  const hole = wals.findIndex(({ entry }) =>
    errors.some(({ rule, file }) => HOLES.has(rule) && file === entry.file),
  );
  const left =
    gone !== undefined && !followAtOnce(database, wals) ? wals : hole < 0 ? [] : wals.slice(hole + 1);
  const steps: RepairStep[] = left.map(removal);
  const last = wals[wals.length - left.length - 1];
  // what was not written to its end is the end of the file only while the log goes on in another one
  if (last !== undefined && left[0]?.entry.number === last.entry.number && last.facts.end < last.entry.size)
    steps.push(cutAtEnd(last));
  const loss: LossStatement[] = left.map((wal) => ({
    ...lostFile(wal.place),
    detail: `all of it, after a hole: ${describeRecords(wal)}`,
    facts: sequencesOf(wal),
  }));
  // an older log ends in the mark of a closed one
  const markOf = (number: bigint) =>
    wals.some((wal) => wal.entry.number! > number && !left.includes(wal)) ? endMarkOf(number) : undefined;
  const deletions = new LostDeletions(database.dialect);
  for (const { entry } of left) await readBatches(database, entry, (batch) => deletions.add(batch, false));
  loss.push(...deletions.statements('.'));
  for (const wal of wals) {
    const isForeign = errors.some(
      ({ rule, file }) => rule === 'wal/wrong-log-number' && file === wal.entry.file,
    );
    if (!isForeign || left.includes(wal)) continue;
    steps.push(
      empty(wal.place, wal.entry.size, 'it holds the records of another log', markOf(wal.entry.number!)),
    );
    loss.push({
      ...lostFile(wal.place),
      detail: 'all that this log held: the records of another one stand in its place',
      facts: {},
    });
  }
  if (gone !== undefined) {
    steps.push(
      empty(
        { path: gone },
        undefined,
        'the MANIFEST begins with it; an empty one is a log without records',
        markOf(parseFileName(gone).number!),
      ),
    );
    loss.push({ file: gone, detail: 'all that this log held: the file is gone', facts: {} });
  }
  return {
    ...emptyPlan(database, 'default'),
    inputs: await inputsOf(database, steps),
    steps: inOrder(steps),
    loss,
    remarks:
      left.length === 0
        ? []
        : [
            'Pebble would open over the hole, in a state that the database never had; without this repair it keeps the newer logs',
          ],
  };
}

/** Whether the first batch of the logs is the one after what the MANIFEST accounts for: then nothing is missing before it. */
function followAtOnce({ version, manifest }: Database, wals: readonly WalState[]): boolean {
  const first = wals.find(({ facts }) => facts.firstSequence !== undefined)?.facts.firstSequence;
  const { reach = 0n } = manifest?.replay ?? {};
  const last = version?.lastSequence ?? 0n;
  return first === undefined || first <= (reach > last ? reach : last) + 1n;
}

function removal({ place, entry, ...wal }: WalState): RepairStep {
  return {
    action: 'remove',
    ...place,
    why: 'it follows a hole between the logs',
    changes: [
      {
        kind: 'remove-file',
        offset: 0,
        length: entry.size,
        detail: describeRecords({ place, entry, ...wal }),
      },
    ],
  };
}

function cutAtEnd({ place, entry: { size }, facts: { end } }: WalState): RepairStep {
  const detail = `${size - end} bytes from ${end} to the end are left out: they are of no whole record`;
  return {
    action: 'write',
    ...place,
    why: 'it becomes the end of its log',
    changes: [{ kind: 'cut', offset: end, length: size - end, detail }],
    content: end === 0 ? [] : [{ from: 'file', ...place, offset: 0, length: end }],
  };
}

function empty(
  place: FilePlace,
  size: number | undefined,
  why: string,
  mark: Uint8Array | undefined,
): RepairStep {
  const kind = size === undefined ? 'create-file' : 'cut';
  return {
    action: 'write',
    ...place,
    why,
    changes: [{ kind, offset: 0, length: size ?? 0, detail: 'an empty log' }],
    content: mark === undefined ? [] : [{ from: 'plan', bytes: mark }],
  };
}
