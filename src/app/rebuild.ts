import type { BatchOpInput } from '../encode/batch/encode.js';
import type { RuleId } from '../finding/catalog.js';
import type { EvidenceValue } from '../finding/evidence.js';
import type { View } from '../lsm/view.js';

type Facts = Record<string, EvidenceValue>;

export interface RebuildOptions {
  /** Elements that no command reaches become reachable again. */
  bringBack?: boolean;
}

/** Operations that make a key coherent, and what that means for it. */
export interface Rebuilt {
  ops: BatchOpInput[];
  detail: string;
  facts: Facts;
  /** What could be read before and cannot afterwards. */
  lost?: { detail: string; facts: Facts };
}

/** Why a key is left as it is. */
export interface LeftAlone {
  reason: string;
  /** What would rebuild it all the same: commands for the running server, or bringing back what no command reaches. */
  otherWay?: 'commands' | 'bring-back';
}

/** A key that breaks rules of its application, and what can be done about it. */
export interface IncoherentKey {
  /** No other key of the database has the same. */
  id: string;
  /** Which key it is. */
  named: Facts;
  /** Each rule that it breaks, once. */
  rules: readonly RuleId[];
  /** One of them that a rebuilt key keeps. */
  mustKeep?: RuleId;
  rebuild(options: RebuildOptions): Promise<{ facts: Facts; result: Rebuilt | LeftAlone }>;
  /** Command lines that rebuild it through the server. */
  commands(options: RebuildOptions): Promise<LeftAlone | { lines: AsyncGenerator<string> }>;
}

export interface IncoherentKeys {
  keys: IncoherentKey[];
  /** Number of further keys, which are not held. */
  more: number;
  /** What kept the search from its end. */
  unread?: string;
}

/** How an application's keys are made coherent from what is there. */
export interface KeyRebuild {
  /** Rules whose findings it answers. */
  rules: ReadonlySet<RuleId>;
  /** Every key that breaks a rule. The keys are valid as long as the view is open. */
  incoherent(view: View): Promise<IncoherentKeys>;
  /** Hands over a deletion for each element of a deleted value. Memory stays below `budget` bytes. */
  orphans(view: View, budget: number, drop: (op: BatchOpInput) => void): Promise<void>;
}
