import type { RuleId } from '../../../finding/catalog.js';
import { keyBytes } from '../../../finding/evidence.js';
import type { Finding } from '../../../finding/finding.js';
import { findingAt, HERE } from '../../../finding/finding-at.js';
import type { View } from '../../../lsm/view.js';
import type { KvrocksLayout } from '../layout.js';
import { decodeScore } from '../metadata.js';
import { type ExamineOptions, examineKvrocks } from './examine.js';
import type { KeyedFault } from './fault.js';
import { KeyElements } from './key-elements.js';
import { pairDifference } from './score-pairs.js';
import { SCORE } from './sorted-set-check.js';

/** Memory for the keys that are sorted at a time, in bytes: 48 MiB, some 400,000 keys that have elements. */
const KEY_BUDGET = 48 << 20;
/** Sorted sets whose members are walked again to say which of them are wrong. */
const EXPLAINED = 10;
/** Members that are named of one. */
const NAMED = 5;
/** Findings of one rule that are told one by one. */
const MOST_OF_A_RULE = 1000;

/**
 * Holds what readers see against the rules of Kvrocks: metadata that decodes, elements that are as many and where it says,
 * both halves of sorted sets, groups of streams, slots, documents, namespaces. Keys that have expired count as gone, elements
 * that compaction has not removed yet are one note. Memory is bounded for a view of any size.
 */
export async function checkKvrocks(
  view: View,
  layout: KvrocksLayout,
  found: (finding: Finding) => void,
  options: Partial<ExamineOptions> = {},
): Promise<void> {
  const counts = new Map<RuleId, number>();
  const unexplained: KeyedFault[] = [];
  const fault = (each: KeyedFault) => {
    const { rule, message, evidence = {} } = each;
    const count = (counts.get(rule) ?? 0) + 1;
    counts.set(rule, count);
    if (rule === 'kvrocks/score-index' && count <= EXPLAINED) unexplained.push(each);
    else if (count <= MOST_OF_A_RULE) found(findingAt(HERE, rule, { message, evidence }));
  };
  await examineKvrocks(view, layout, fault, { now: Date.now(), budget: KEY_BUDGET, ...options });
  for (const { rule, message, evidence, metadataKey } of unexplained) {
    const members = await differingMembers(view, layout, metadataKey!);
    found(findingAt(HERE, rule, { message, evidence: { ...evidence, ...members } }));
  }
  for (const [rule, count] of counts) {
    const rest = count - MOST_OF_A_RULE;
    if (rest > 0) {
      const message = `${rest} more keys like those before, which are not listed`;
      found(findingAt(HERE, rule, { message, evidence: { rest } }));
    }
  }
}

/** Which members have no entry in the index, and which entries of it no member. */
async function differingMembers(
  view: View,
  layout: KvrocksLayout,
  metadataKey: Uint8Array,
): Promise<Finding['evidence']> {
  const elements = await KeyElements.find(view, layout, metadataKey);
  const difference = elements && (await pairDifference(elements));
  if (difference === undefined) return {};
  const named = (pairs: readonly Uint8Array[]) =>
    pairs.slice(0, NAMED).map((pair) => ({
      score: { value: keyBytes(Buffer.from(String(decodeScore(pair)))) },
      member: keyBytes(pair.subarray(SCORE)),
    }));
  const { missing, stale } = difference;
  return {
    ...(missing.length > 0 && { unindexed: missing.length, withoutIndex: named(missing) }),
    ...(stale.length > 0 && { stale: stale.length, withoutMember: named(stale) }),
  };
}
