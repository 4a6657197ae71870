import type { BatchOpInput } from '../../../encode/batch/encode.js';
import type { RuleId } from '../../../finding/catalog.js';
import { keyBytes } from '../../../finding/evidence.js';
import type { LeftAlone, RebuildOptions, Rebuilt } from '../../rebuild.js';
import type { KeyElements } from '../check/key-elements.js';
import { fromMiddle } from '../check/list-check.js';
import { pairDifference } from '../check/score-pairs.js';
import { SCORE } from '../check/sorted-set-check.js';
import { ENTRY_ID } from '../stream.js';
import type { BrokenKey } from './broken-keys.js';
import { u64Bytes, withFields, withSize } from './metadata-value.js';

const HASH = 2;
const LIST = 3;
const SET = 4;
const SORTED_SET = 5;
const SORTED_INTEGERS = 7;
const STREAM = 8;

/** What follows from the elements alone. */
export const rebuildable: ReadonlySet<RuleId> = new Set<RuleId>([
  'kvrocks/wrong-size',
  'kvrocks/score-index',
  'kvrocks/list-bounds',
  'kvrocks/list-hole',
  'kvrocks/list-stray',
  'kvrocks/stream-entries',
]);

/** Rules that say nothing against rebuilding the rest. */
const harmless: ReadonlySet<RuleId> = new Set<RuleId>([
  'kvrocks/wrong-family',
  'kvrocks/stream-groups',
  'kvrocks/future-version',
]);

/** Why nothing can be rebuilt, independent of the elements; `undefined` when the elements decide. */
function reasonToLeave({ faults }: BrokenKey): LeftAlone | undefined {
  const stands = faults.find(({ rule }) => !rebuildable.has(rule) && !harmless.has(rule));
  if (stands !== undefined) return { reason: `${stands.rule}: nothing that is there says what it was` };
  if (faults.some(({ rule }) => rebuildable.has(rule))) return undefined;
  return { reason: `${faults[0].rule}: it does no harm to its elements, and nothing of it is rebuilt` };
}

/**
 * Why a key is left alone some of whose elements no command reaches: they may be pushes that were acknowledged and then
 * forgotten, or pops that were answered and whose delete is lost, and a job that runs twice can be worse than one that is lost.
 */
function reasonToAsk({ faults }: BrokenKey, { metadata }: KeyElements): LeftAlone | undefined {
  const ask = 'nothing tells whether they were taken or forgotten; --bring-back makes them reachable';
  const stray = faults.find(({ rule }) => rule === 'kvrocks/list-stray')?.evidence?.stray;
  if (stray !== undefined)
    return { reason: `elements stand outside of its ends (${stray}), and ${ask}`, otherWay: 'bring-back' };
  const live = faults.find(({ evidence }) => evidence?.live !== undefined)?.evidence?.live;
  if (metadata.type !== STREAM && metadata.size === 0n && live !== undefined && live !== 0)
    return { reason: `it counts as absent and has elements (${live}), and ${ask}`, otherWay: 'bring-back' };
  return undefined;
}

/** Why nothing is done about a key; `undefined` when its elements decide. */
export function reasonNotToRebuild(
  broken: BrokenKey,
  elements: KeyElements | undefined,
  { bringBack = false }: RebuildOptions,
): LeftAlone | undefined {
  const reason = reasonToLeave(broken);
  if (reason !== undefined) return reason;
  if (elements === undefined) return { reason: 'its metadata cannot be read' };
  return bringBack ? undefined : reasonToAsk(broken, elements);
}

/**
 * What makes a key coherent that breaks rules: sizes and ends that are what its elements are, a score index that is what its
 * members say. Elements are never changed. Only where one answer is possible.
 */
export async function rebuildKey(
  broken: BrokenKey,
  elements: KeyElements | undefined,
  options: RebuildOptions,
): Promise<Rebuilt | LeftAlone> {
  const left = reasonNotToRebuild(broken, elements, options);
  if (left !== undefined || elements === undefined) return left ?? { reason: '' };
  const rebuilt = await rebuiltBy(elements);
  if ('reason' in rebuilt) return rebuilt;
  const log = Buffer.from(String(elements.metadata.type));
  return { ...rebuilt, ops: [{ kind: 'log-data', columnFamily: 0, key: log }, ...rebuilt.ops] };
}

function rebuiltBy(elements: KeyElements): Promise<Rebuilt | LeftAlone> | LeftAlone {
  switch (elements.metadata.type) {
    case HASH:
    case SET:
    case SORTED_INTEGERS:
      return countedAnew(elements);
    case SORTED_SET:
      return indexedAnew(elements);
    case LIST:
      return endedAnew(elements);
    case STREAM:
      return namedAnew(elements);
    default:
      return { reason: 'nothing is rebuilt of its type' };
  }
}

async function countOf(elements: KeyElements): Promise<bigint> {
  let count = 0;
  await elements.walk('default', () => {
    count++;
  });
  return BigInt(count);
}

/** Metadata that says how many elements there are; none for a key without any. */
function sized(elements: KeyElements, count: bigint, value = elements.value): BatchOpInput[] | undefined {
  const columnFamily = elements.family('metadata')!;
  const key = elements.metadataKey;
  if (count === 0n) return [{ kind: 'delete', columnFamily, key }];
  const changed = withSize(value, count);
  if (changed === undefined) return undefined;
  return Buffer.compare(changed, elements.value) === 0
    ? []
    : [{ kind: 'put', columnFamily, key, value: changed }];
}

const TOO_MANY = { reason: 'it has more elements than its metadata has room for' };

async function countedAnew(elements: KeyElements): Promise<Rebuilt | LeftAlone> {
  const count = await countOf(elements);
  const ops = sized(elements, count);
  return ops === undefined ? TOO_MANY : { ops, ...sizeSaid(elements, count) };
}

function sizeSaid({ metadata }: KeyElements, count: bigint): Pick<Rebuilt, 'detail' | 'facts'> {
  const { size = 0n } = metadata;
  const facts = { size: String(size), newSize: String(count) };
  if (count === 0n) return { detail: `it has no elements: its metadata, of size ${size}, goes`, facts };
  const shown = size === 0n ? ', and its elements can be seen again' : '';
  return {
    detail: `its size becomes ${count}${size === count ? ', as it is' : `, from ${size}`}${shown}`,
    facts,
  };
}

/** The members decide, as reads of a single one and ZADD do. */
async function indexedAnew(elements: KeyElements): Promise<Rebuilt | LeftAlone> {
  const columnFamily = elements.family('zset_score');
  const difference = await pairDifference(elements);
  if (difference === undefined || columnFamily === undefined)
    return {
      reason: 'more of its index is wrong than is rebuilt at once; --emit redis prints all of it',
      otherWay: 'commands',
    };
  const count = await countOf(elements);
  const metadata = sized(elements, count);
  if (metadata === undefined) return TOO_MANY;
  const { missing, stale } = difference;
  const key = (pair: Uint8Array) => elements.keyOf(pair);
  const said = sizeSaid(elements, count);
  const orphaned = await withoutMember(elements, stale);
  return {
    ops: [
      ...stale.map((pair): BatchOpInput => ({ kind: 'delete', columnFamily, key: key(pair) })),
      ...missing.map((pair): BatchOpInput => ({ kind: 'put', columnFamily, key: key(pair), value: NOTHING })),
      ...metadata,
    ],
    detail: `its score index: ${missing.length} added, ${stale.length} removed, by the scores that its members have; ${said.detail}`,
    facts: { ...said.facts, indexed: missing.length, unindexed: stale.length },
    ...(orphaned.length > 0 && {
      lost: {
        detail: `${orphaned.length} entries of the score index that have no member: reads by score showed them`,
        facts: {
          entries: orphaned.length,
          first: orphaned.slice(0, NAMED).map((member) => keyBytes(member)),
        },
      },
    }),
  };
}

/** Members that are named of what is lost. */
const NAMED = 5;

/** Members that only the index has, under any score. */
async function withoutMember(elements: KeyElements, stale: readonly Uint8Array[]): Promise<Uint8Array[]> {
  const members = new Map(
    stale.map((pair) => [Buffer.from(pair.subarray(SCORE)).toString('latin1'), pair.subarray(SCORE)]),
  );
  if (members.size > 0)
    await elements.walk('default', (member) => {
      members.delete(Buffer.from(member).toString('latin1'));
      return members.size > 0;
    });
  return [...members.values()];
}

const NOTHING = new Uint8Array(0);

/** The elements of a list up to the first gap. */
interface ListRun {
  from: bigint;
  /** The index after the last. */
  to: bigint;
}

/** How many stretches of indexes have elements, and the first of them. */
async function listRuns(elements: KeyElements, limit = 16): Promise<{ runs: ListRun[]; count: number }> {
  const runs: ListRun[] = [];
  let [count, last] = [0, -2n];
  await elements.walk('default', (subkey) => {
    if (subkey.length !== 8) return;
    const index = new DataView(subkey.buffer, subkey.byteOffset, 8).getBigUint64(0);
    if (index !== last + 1n) {
      count++;
      if (count <= limit) runs.push({ from: index, to: index + 1n });
    } else if (count <= limit) runs[count - 1].to = index + 1n;
    last = index;
  });
  return { runs, count };
}

/** Head and tail are put where the elements begin and end, when these are one stretch. */
async function endedAnew(elements: KeyElements): Promise<Rebuilt | LeftAlone> {
  const { runs, count } = await listRuns(elements);
  if (count > 1) {
    const shown = runs.slice(0, 4).map(({ from, to }) => `${fromMiddle(from)} to ${fromMiddle(to - 1n)}`);
    const rest = count > shown.length ? ' and more' : '';
    return {
      reason: `its elements are ${count} stretches (${shown.join(', ')}${rest}), so its ends cannot enclose them without a hole; --emit redis prints them one after the other`,
      otherWay: 'commands',
    };
  }
  const [run = { from: 0n, to: 0n }] = runs;
  const { head, tail } = elements.metadata.list!;
  const size = run.to - run.from;
  const ops = sized(elements, size, withFields(elements.value, 0, u64Bytes(run.from, run.to)));
  if (ops === undefined) return TOO_MANY;
  const said = sizeSaid(elements, size);
  if (size === 0n) return { ops, ...said };
  const before = head > run.from ? head - run.from : 0n;
  const behind = run.to > tail ? run.to - tail : 0n;
  const shown = before + behind > size ? size : before + behind;
  const again = shown > 0n ? `; what stood outside, ${shown}, can be reached again` : '';
  return {
    ops,
    detail: `its head becomes ${fromMiddle(run.from)} and its tail ${fromMiddle(run.to)}${again}; ${said.detail}`,
    facts: {
      ...said.facts,
      head: fromMiddle(head),
      newHead: fromMiddle(run.from),
      tail: fromMiddle(tail),
      newTail: fromMiddle(run.to),
      reachable: String(shown),
    },
  };
}

/** Offsets of ids in the fields of a stream: last given out, first, last (stream-check.ts). */
const LAST_GENERATED = 0;
const FIRST = 48;

/** Size, first and last id of a stream; the last id that was given out only grows. */
async function namedAnew(elements: KeyElements): Promise<Rebuilt | LeftAlone> {
  const first = new Uint8Array(ENTRY_ID);
  const last = new Uint8Array(ENTRY_ID);
  let count = 0;
  await elements.walk('stream', (subkey) => {
    if (subkey.length !== ENTRY_ID) return;
    if (count++ === 0) first.set(subkey);
    last.set(subkey);
  });
  const { rest } = elements.metadata;
  const given = rest.subarray(LAST_GENERATED, LAST_GENERATED + ENTRY_ID);
  const highest = Buffer.compare(given, last) < 0 ? last : given;
  const named = withFields(
    withFields(elements.value, LAST_GENERATED, highest),
    FIRST,
    Buffer.concat([first, last]),
  );
  const value = withSize(named, BigInt(count));
  if (value === undefined) return TOO_MANY;
  const columnFamily = elements.family('metadata')!;
  const { size = 0n } = elements.metadata;
  return {
    ops: [{ kind: 'put', columnFamily, key: elements.metadataKey, value }],
    detail: `its size, first and last id become those of its ${count} entries`,
    facts: { size: String(size), newSize: String(count) },
  };
}
