import type { Database } from '../engine/database.js';
import { END, ENTRY, LOAD } from '../lsm/cursor.js';
import { inventoryFiles } from '../lsm/inventory-files.js';
import { mergeOperators } from '../lsm/operator-names.js';
import { View } from '../lsm/view.js';
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
      sequence: outcome.lastSequence,
      uncommitted: outcome.hidden,
      mergeOperator: ({ id }) => operators.get(id),
    });
    return new Reader(view);
  }

  /** What is seen of one key: its newest timestamp where it has several. */
  async read({ family, key }: FoundKey): Promise<ReaderSees> {
    const known = this.view.columnFamilies.some(({ id }) => id === family.id);
    if (!known) return { state: 'unknown', reason: 'the column family is not live' };
    const seen = this.view.visible(family.id, { from: key });
    try {
      for (;;) {
        const step = seen.step();
        if (step === LOAD) {
          await seen.load();
          continue;
        }
        const [problem] = seen.problems.kept;
        if (step === END && problem !== undefined && seen.problems.stopped)
          return { state: 'unreadable', file: problem.file, message: problem.message };
        if (step !== ENTRY) return { state: 'nothing' };
        if (Buffer.compare(seen.keyBytes.subarray(0, seen.keyTo), key) !== 0) return { state: 'nothing' };
        const { sequence, unmerged, columns, valueBytes, valueFrom, valueTo } = seen;
        if (unmerged !== undefined)
          return { state: 'unmerged', operands: unmerged.operands.length, sequence };
        return {
          state: 'value',
          value: valueBytes.slice(valueFrom, Math.min(valueTo, valueFrom + VALUE_KEPT)),
          valueLength: valueTo - valueFrom,
          sequence,
          ...(columns !== undefined && { columns: columns.length }),
        };
      }
    } finally {
      await seen.close();
    }
  }

  close(): void {
    this.view.close();
  }
}
