import type { KeyElements } from './key-elements.js';
import { PieceHash, SetSum } from './set-sum.js';
import { SCORE } from './sorted-set-check.js';

/** Groups that pairs are sorted into by their hash: only those of groups that differ are held. */
const GROUPS = 4096;
/** Bytes of pairs that are held. */
const HELD = 64 << 20;

/** Score and member, as one key of the index. */
type Pair = Uint8Array;

interface PairDifference {
  /** Members that the index does not have, or not under their score. */
  missing: Pair[];
  /** Entries of the index that no member has. */
  stale: Pair[];
}

/** How the members of a sorted set and its index by score differ. `undefined` when they do in more than fits memory. */
export async function pairDifference(elements: KeyElements): Promise<PairDifference | undefined> {
  const groups = Array.from({ length: GROUPS }, () => ({ members: new SetSum(), indexed: new SetSum() }));
  const hash = new PieceHash();
  const hashOf = (pair: Pair) => hash.begin().piece(pair).end();
  const groupOf = (pair: Pair) => groups[hashOf(pair).low % GROUPS];
  await eachMember(elements, (pair) => groupOf(pair).members.add(hash));
  await eachIndexed(elements, (pair) => groupOf(pair).indexed.add(hash));
  const differing = new Set(groups.filter(({ members, indexed }) => !members.equals(indexed)));
  const missing = new Map<string, Pair>();
  const stale: Pair[] = [];
  let held = 0;
  const hold = (pair: Pair) => {
    held += pair.length + 100;
    return held <= HELD;
  };
  await eachMember(elements, (pair) => {
    if (!differing.has(groupOf(pair))) return true;
    missing.set(Buffer.from(pair).toString('latin1'), pair);
    return hold(pair);
  });
  await eachIndexed(elements, (pair) => {
    if (!differing.has(groupOf(pair)) || missing.delete(Buffer.from(pair).toString('latin1'))) return true;
    stale.push(pair);
    return hold(pair);
  });
  return held > HELD ? undefined : { missing: [...missing.values()], stale };
}

function eachMember(elements: KeyElements, each: (pair: Pair) => unknown): Promise<void> {
  return elements.walk('default', (member, score) =>
    score.length === SCORE ? each(Buffer.concat([score, member])) : true,
  );
}

function eachIndexed(elements: KeyElements, each: (pair: Pair) => unknown): Promise<void> {
  return elements.walk('zset_score', (pair) => each(pair.slice()));
}
