import { type RuleId, ruleOf } from './catalog.js';
import type { Finding } from './finding.js';

/** The place of a file in the form of findings. */
export type FindingPlace = Pick<Finding, 'file' | 'root' | 'pathBase64'>;

export function placeOf(entry: { file: string; root?: string; nameBytes?: Uint8Array }): FindingPlace {
  return {
    file: entry.file,
    ...(entry.root === undefined ? {} : { root: entry.root }),
    ...(entry.nameBytes === undefined ? {} : { pathBase64: Buffer.from(entry.nameBytes).toString('base64') }),
  };
}

/** The database as a whole, where a finding is about no file. */
export const HERE: FindingPlace = { file: '.' };

type About = Pick<Finding, 'message'> &
  Partial<Pick<Finding, 'offset' | 'length' | 'evidence' | 'severity' | 'next'>>;

/** A finding with its rule's default severity. */
export function findingAt(place: FindingPlace, rule: RuleId, about: About): Finding {
  return { rule, severity: ruleOf(rule).severity, ...place, evidence: {}, ...about };
}
