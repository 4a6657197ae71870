import type { Database } from '../engine/database.js';
import { END, ENTRY, LOAD } from '../lsm/cursor.js';
import { inventoryFiles } from '../lsm/inventory-files.js';
import { mergeOperators } from '../lsm/operator-names.js';
import { View } from '../lsm/view.js';
import type { VisibleIterator } from '../lsm/visible.js';
import { simulateOpen } from '../recovery/open.js';
import { type FoundKey, VALUE_KEPT } from './found.js';
import type { Replayed } from './replayed.js';

/** What a reader of the database gets for a key. */
export type ReaderSees =
  | { state: 'value'; value: Uint8Array; valueLength: number; sequence: bigint; columns?: number }
  /** Operands that kvdoctor cannot merge: the operator is the application's own. */
  | { state: 'unmerged'; operands: number; sequence: bigint }
  | { state: 'nothing' }
  /** An error. */
  | { state: 'unreadable'; file: string; message: string }
  /** Nobody can tell: no recovery mode opens the database. */
  | { state: 'unknown'; reason: string };

/** The offline view of a database, to ask for single keys. */
export class Reader {
  private constructor(private readonly view: View) {}

  static async open(database: Database, { prepared, outcome }: Replayed): Promise<Reader> {
    const { version, options, inventory } = database;
    const files = inventoryFiles(inventory);
    const operators = await mergeOperators(version!, options, files);
    const view = await View.open({
      version: version!,
      files,
      replay: (sink) => simulateOpen(prepared, outcome.mode, sink),
      dialect: database.dialect,
      sequence: outcome.lastSequence,
      uncommitted: outcome.hidden,
      mergeOperator: ({ id }) => operators.get(id),
    });
    return new Reader(view);
  }

  /**
   * What is seen of keys of one column family, at their newest timestamps. One walk goes through them all; after a place
   * where it cannot go on, each is asked for by itself.
   */
  async read(keys: readonly FoundKey[]): Promise<Map<FoundKey, ReaderSees>> {
    const answers = new Map<FoundKey, ReaderSees>();
    const [first] = keys;
    if (first === undefined) return answers;
    const { id, order } = first.family;
    if (!this.view.columnFamilies.some((family) => family.id === id)) {
      const unknown: ReaderSees = { state: 'unknown', reason: 'the column family is not live' };
      return new Map(keys.map((key) => [key, unknown]));
    }
    if (!order.known) {
      const reason = `which keys are equal and what ranges cover is decided by ${order.comparator}, the application's own comparator`;
      return new Map(keys.map((key) => [key, { state: 'unknown', reason }]));
    }
    const compare = (a: Uint8Array, b: Uint8Array) => order.compareKeys(a, 0, a.length, b, 0, b.length);
    let left = keys.toSorted((a, b) => compare(a.key, b.key));
    while (left.length > 0) left = await this.walk(id, left, compare, answers);
    return answers;
  }

  /** Answers for keys in their order; returns those that the walk did not get to. */
  private async walk(
    id: number,
    keys: readonly FoundKey[],
    compare: (a: Uint8Array, b: Uint8Array) => number,
    answers: Map<FoundKey, ReaderSees>,
  ): Promise<FoundKey[]> {
    const seen = this.view.visible(id, { from: keys[0].key });
    let next = 0;
    try {
      while (next < keys.length) {
        const step = seen.step();
        if (step === LOAD) {
          await seen.load();
          continue;
        }
        const [problem] = seen.problems.kept;
        if (step === END && problem !== undefined && seen.problems.stopped) {
          answers.set(keys[next], { state: 'unreadable', file: problem.file, message: problem.message });
          return keys.slice(next + 1);
        }
        const at = step === ENTRY ? seen.keyBytes.subarray(0, seen.keyTo) : undefined;
        while (next < keys.length && (at === undefined || compare(keys[next].key, at) < 0))
          answers.set(keys[next++], { state: 'nothing' });
        if (at !== undefined && next < keys.length && compare(keys[next].key, at) === 0)
          answers.set(keys[next++], entryOf(seen));
      }
      return [];
    } finally {
      await seen.close();
    }
  }

  close(): void {
    this.view.close();
  }
}

function entryOf(seen: VisibleIterator): ReaderSees {
  const { sequence, unmerged, columns, valueBytes, valueFrom, valueTo } = seen;
  if (unmerged !== undefined) return { state: 'unmerged', operands: unmerged.operands.length, sequence };
  return {
    state: 'value',
    value: valueBytes.slice(valueFrom, Math.min(valueTo, valueFrom + VALUE_KEPT)),
    valueLength: valueTo - valueFrom,
    sequence,
    ...(columns !== undefined && { columns: columns.length }),
  };
}
