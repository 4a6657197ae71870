import type { BatchOp } from '../format/batch/batch.js';
import type { View } from '../lsm/view.js';

/** A key that two databases do not hold alike. */
export interface KeyDifference {
  family: string;
  key: Uint8Array;
  /** What each side holds; absent where it does not have the key. */
  a?: Uint8Array;
  b?: Uint8Array;
  /** A value is larger than what is kept of one: no command can be made of it. */
  cut?: true;
}

/** A key of the application's users that two databases do not hold alike. */
export interface ObjectDifference {
  namespace: string;
  key: Uint8Array;
  /** Type in A, else in B. */
  type: string;
  /** Entries of the key that differ: metadata, fields, members, elements. */
  entries: number;
  /** What brings the key to what A holds. */
  commands: Uint8Array[][];
  /** The commands do all of it. Else elements of the kind cannot be set one by one, or too many differ. */
  complete: boolean;
}

/** How an application tells what two databases of it do not hold alike. */
export interface ApplicationCompare {
  /** How its keys are written, for programs. */
  facts: Record<string, boolean>;
  /** The namespace of keys for which none was chosen. */
  defaultNamespace: string;
  /** Column families whose entries belong to no key. */
  keyless: ReadonlySet<string>;
  /** What the commands do and through which server they may be given. */
  advice: string;
  /** The commands that a batch is the work of, the words of each. */
  commandsOf(ops: readonly BatchOp[]): { words: Uint8Array[]; exact: boolean }[];
  /** Differences of entries as differences of keys. `allKept`: there are no differences but these. */
  differences(
    differences: readonly KeyDifference[],
    a: View,
    b: View,
    allKept: boolean,
  ): Promise<ObjectDifference[]>;
}
