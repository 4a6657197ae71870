import type { RuleId } from '../../../finding/catalog.js';
import { ruleOf } from '../../../finding/catalog.js';
import type { Finding } from '../../../finding/finding.js';
import type { View } from '../../../lsm/view.js';
import type { KvrocksLayout } from '../layout.js';
import { type ExamineOptions, examineKvrocks } from './examine.js';
import type { KeyedFault } from './fault.js';

/** Memory for the keys that are sorted at a time, in bytes: 48 MiB, some 400,000 keys that have elements. */
const KEY_BUDGET = 48 << 20;
/** Findings of one rule that are told one by one. */
const MOST_OF_A_RULE = 1000;

/**
 * Holds what readers see against the rules of Kvrocks: metadata that decodes, elements that are as many and where it says,
 * both halves of sorted sets, groups of streams, slots, documents, namespaces. Keys that have expired count as gone, elements
 * that compaction has not removed yet are one note. Memory is bounded, whatever the view holds.
 */
export async function checkKvrocks(
  view: View,
  layout: KvrocksLayout,
  found: (finding: Finding) => void,
  options: Partial<ExamineOptions> = {},
): Promise<void> {
  const counts = new Map<RuleId, number>();
  const fault = ({ rule, message, evidence = {} }: KeyedFault) => {
    const count = (counts.get(rule) ?? 0) + 1;
    counts.set(rule, count);
    if (count <= MOST_OF_A_RULE) found(finding(rule, message, evidence));
  };
  await examineKvrocks(view, layout, fault, { now: Date.now(), budget: KEY_BUDGET, ...options });
  for (const [rule, count] of counts) {
    const rest = count - MOST_OF_A_RULE;
    if (rest > 0) found(finding(rule, `${rest} more keys like those before, which are not listed`, { rest }));
  }
}

function finding(rule: RuleId, message: string, evidence: Finding['evidence']): Finding {
  return { rule, severity: ruleOf(rule).severity, file: '.', message, evidence };
}
