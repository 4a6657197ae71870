import { VALUE_TYPE } from '../format/sst/internal-key.js';
import { comparePositions, type KeyPosition, trailerHigh, trailerLow } from '../lsm/key-order.js';
import type { UncommittedSequences } from '../lsm/uncommitted.js';
import type { FoundKey, FoundVersion } from './found.js';

/** What decides which versions a reader sees. */
interface Sight {
  /** The last sequence that is seen. */
  sequence: bigint;
  uncommitted: UncommittedSequences;
}

const DELETES: ReadonlySet<number> = new Set([
  VALUE_TYPE.delete,
  VALUE_TYPE.singleDelete,
  VALUE_TYPE.deleteWithTimestamp,
  VALUE_TYPE.sizedDelete,
]);

/** Versions with status `unknown` are those that the database looks at: only they are judged. */
const isLive = ({ status }: FoundVersion) => status === 'unknown';

/** Newest first; what has no sequence last. */
export function newestFirst(a: FoundVersion, b: FoundVersion): number {
  const byTime = Buffer.compare(reversed(b.timestamp), reversed(a.timestamp));
  if (byTime !== 0) return byTime;
  if (a.sequence === undefined || b.sequence === undefined) {
    return Number(a.sequence === undefined) - Number(b.sequence === undefined);
  }
  if (a.sequence !== b.sequence) return a.sequence > b.sequence ? -1 : 1;
  return (b.type ?? 0) - (a.type ?? 0);
}

/** Timestamps are little-endian. */
function reversed(timestamp: Uint8Array = new Uint8Array(0)): Uint8Array {
  return timestamp.toReversed();
}

/**
 * Says of each live version of a key whether a reader gets it, or what stands before it: as db_iter.cc goes through them,
 * newest first, with the range tombstones that are live. `tombstones` are those of the column family.
 */
export function judge(
  { family, versions }: FoundKey,
  tombstones: readonly FoundVersion[],
  sight: Sight,
): void {
  versions.sort(newestFirst);
  const known = family.order.known;
  const active = known ? tombstones.filter((tombstone) => isActive(tombstone, sight)) : [];
  let resolved: FoundVersion | undefined;
  let operands = 0;
  for (const version of versions.filter(isLive)) {
    if (isHidden(version, sight)) {
      version.status = 'unseen';
      continue;
    }
    const tombstone = active.filter((each) => deletes(each, version)).sort(newestFirst)[0];
    if (resolved !== undefined) {
      version.status = 'shadowed';
      version.by = resolved;
    } else if (tombstone !== undefined) {
      version.status = 'range-deleted';
      version.by = tombstone;
    } else if (!known) {
      // the same bytes are the same key in every order; whether a range or another spelling of it counts is not known
      if (version.type !== VALUE_TYPE.merge) resolved = version;
    } else if (version.damaged !== undefined) {
      version.status = 'unreadable';
      resolved = version;
    } else if (version.type === VALUE_TYPE.merge) {
      version.status = 'operand';
      operands++;
    } else {
      const deletes = DELETES.has(version.type ?? -1);
      version.status = deletes ? 'deletes' : operands > 0 ? 'operand' : 'visible';
      resolved = version;
    }
  }
}

function isHidden({ sequence = 0n, type = 0 }: FoundVersion, sight: Sight): boolean {
  return (
    sequence > sight.sequence || sight.uncommitted.has(trailerHigh(sequence), trailerLow(sequence, type))
  );
}

function isActive(tombstone: FoundVersion, sight: Sight): boolean {
  return (
    tombstone.status === 'range-tombstone' && tombstone.range !== undefined && !isHidden(tombstone, sight)
  );
}

function deletes(tombstone: FoundVersion, version: FoundVersion): boolean {
  if ((tombstone.sequence ?? 0n) <= (version.sequence ?? 0n)) return false;
  return lies(tombstone, positionOf(version));
}

/** Whether a tombstone, live or not, lies over a key. */
export function liesOver(
  tombstone: FoundVersion,
  { key, family }: Pick<FoundVersion, 'key' | 'family'>,
): boolean {
  const userKey = new Uint8Array(key.length + family.order.timestampSize).fill(0xff);
  userKey.set(key);
  return (
    lies(tombstone, { userKey, high: 0xffffffff, low: 0xffffffff }) || lies(tombstone, oldest(userKey, key))
  );
}

function oldest(template: Uint8Array, key: Uint8Array): KeyPosition {
  const userKey = template.slice().fill(0, key.length);
  return { userKey, high: 0, low: 0 };
}

function lies({ range, family }: FoundVersion, position: KeyPosition): boolean {
  if (range === undefined) return false;
  const { order } = family;
  return (
    comparePositions(order, range.start, position) <= 0 && comparePositions(order, position, range.end) < 0
  );
}

/** A version as it stands among internal keys; stripped timestamps are zeros. */
function positionOf({ key, timestamp, family, sequence = 0n, type = 0 }: FoundVersion): KeyPosition {
  const userKey = new Uint8Array(key.length + family.order.timestampSize);
  userKey.set(key);
  if (timestamp?.length === family.order.timestampSize) userKey.set(timestamp, key.length);
  return { userKey, high: trailerHigh(sequence), low: trailerLow(sequence, type) };
}
