import type { Database } from '../engine/database.js';
import { VALUE_TYPE } from '../format/sst/internal-key.js';
import { trailerHigh, trailerLow } from '../lsm/key-order.js';
import { rangeTombstone } from '../lsm/range-tombstones.js';
import { databaseView } from '../recovery/database-view.js';
import { modesOf, ownMode } from '../recovery/mode.js';
import { type PreparedOpen, prepareOpen, simulateOpen } from '../recovery/open.js';
import type { RecoveryOutcome } from '../recovery/outcome.js';
import { type FoundVersion, VALUE_KEPT } from './found.js';
import type { Wanted } from './wanted.js';

/** Operations on wanted keys that are kept of a replay. */
const KEPT = 100_000;

/** An operation as replay put it into a memtable. */
interface Applied {
  columnFamily: number;
  sequence: bigint;
  type: number;
  key: Uint8Array;
  value: Uint8Array;
  taken?: true;
}

/** What recovery makes of the WALs for the wanted keys. */
export interface Replayed {
  prepared: PreparedOpen;
  /** In the database's own mode, or the first other one that opens. */
  outcome: RecoveryOutcome;
  /** What the database's own mode fails with, where it does. */
  ownError?: string;
  applied: Applied[];
}

/** Replays the logs as the database's own mode would; where it does not open, as the first mode that does. */
export async function replayFor(database: Database, wanted: Wanted): Promise<Replayed | undefined> {
  if (database.version === undefined) return undefined;
  const prepared = await prepareOpen(databaseView(database), database.engineVersion);
  const own = ownMode(database);
  const modes = [own, ...modesOf(database.dialect).filter((mode) => mode !== own)];
  const sizes = new Map(
    [...database.version.columnFamilies.values()].map(({ id, comparator }) => [
      id,
      comparator.endsWith('.u64ts') ? 8 : 0,
    ]),
  );
  let ownError: string | undefined;
  for (const mode of modes) {
    const applied: Applied[] = [];
    const outcome = await simulateOpen(prepared, mode, {
      apply(columnFamily, sequence, type, key, value) {
        const end = Math.max(0, key.length - (sizes.get(columnFamily) ?? 0));
        const kept = type === VALUE_TYPE.rangeDelete || wanted.matches(key, 0, end);
        if (!kept || applied.length >= KEPT) return;
        applied.push({
          columnFamily,
          sequence,
          type,
          key: key.slice(0, end),
          value: value.slice(0, VALUE_KEPT),
        });
      },
    });
    if (outcome.opens) return { prepared, outcome, applied, ...(ownError !== undefined && { ownError }) };
    if (mode === own) ownError = outcome.errorText ?? 'it does not open';
  }
  return undefined;
}

/**
 * Finds the operation of a log among those that replay applied; it then has its sequence. False: it was not applied.
 * `version` without a sequence is of a transaction, and takes that of the first operation like it.
 */
export function isApplied(version: FoundVersion, { applied }: Replayed): boolean {
  const { family, key, type, value, sequence } = version;
  const match = applied.find(
    (op) =>
      op.taken === undefined &&
      op.columnFamily === family.id &&
      op.type === type &&
      (sequence === undefined || op.sequence === sequence) &&
      Buffer.compare(op.key, key) === 0 &&
      startsAlike(op.value, value),
  );
  if (match === undefined) return false;
  match.taken = true;
  version.sequence = match.sequence;
  if (version.range !== undefined) {
    const { order } = family;
    const low = trailerLow(match.sequence, VALUE_TYPE.rangeDelete);
    version.range = rangeTombstone(order, key, value, trailerHigh(match.sequence), low);
  }
  return true;
}

/** Range ends may have lost their timestamps on one side. */
function startsAlike(a: Uint8Array, b: Uint8Array): boolean {
  const length = Math.min(a.length, b.length);
  return (
    Math.abs(a.length - b.length) <= 8 && Buffer.compare(a.subarray(0, length), b.subarray(0, length)) === 0
  );
}
