import { type RuleId, ruleOf } from '../../finding/catalog.js';
import type { Finding } from '../../finding/finding.js';

/** A finding with its rule's default severity. */
export function finding(
  rule: RuleId,
  file: string,
  about: Pick<Finding, 'message'> & Partial<Pick<Finding, 'offset' | 'length' | 'evidence' | 'severity'>>,
): Finding {
  return { rule, severity: ruleOf(rule).severity, file, evidence: {}, ...about };
}
