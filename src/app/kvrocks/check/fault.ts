import type { RuleId } from '../../../finding/catalog.js';
import type { EvidenceValue } from '../../../finding/evidence.js';

/** What is wrong with one key, or with its elements. */
export interface Fault {
  rule: RuleId;
  message: string;
  evidence?: Record<string, EvidenceValue>;
}

/** A key of column family `metadata` and what its value says. */
export interface KeyedFault extends Fault {
  /** As stored in column family `metadata`; absent where the fault is not about a key that it names. */
  metadataKey?: Uint8Array;
}
