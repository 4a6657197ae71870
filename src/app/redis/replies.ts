import type { BatchOp } from '../../format/batch/batch.js';
import type { View } from '../../lsm/view.js';
import type { Effect } from './effect.js';

/** Whether readers see what an effect left; `says` what they see instead. */
export interface SeenEffect {
  /** Absent where it cannot be told. */
  same?: boolean;
  says: string;
}

/** What readers see of single keys. */
export interface KeyReader {
  /** Namespaces by the token that a connection authenticates with. */
  namespaces(): Promise<ReadonlyMap<string, string>>;
  see(namespace: string, key: Uint8Array, effect: Effect): Promise<SeenEffect>;
}

/** How an application that speaks the Redis protocol keeps what its connections were told. */
export interface RedisReplies {
  /** Of connections that did not authenticate for another one. */
  defaultNamespace: string;
  /** The commands that a batch is the work of. */
  commandsOf(ops: readonly BatchOp[]): { words: Uint8Array[]; namespace?: string }[];
  reader(view: View): KeyReader;
}
