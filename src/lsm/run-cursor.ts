import { type BlobFileList, EMPTY, END, type EntryCursor, LOAD, type Step } from './cursor.js';
import { comparePositions, type KeyOrder, type KeyPosition } from './key-order.js';
import type { BoundedTable, SortedRun } from './runs.js';

/**
 * Opens a table for reading, from `from` on where it is given. `undefined`: it cannot be read, the walk goes on after it;
 * `'stop'`: the walk ends. Either has been reported.
 */
type OpenCursor = (
  table: BoundedTable,
  from: KeyPosition | undefined,
) => Promise<EntryCursor | undefined | 'stop'>;

/** Walks the tables of a run one after the other; only the one that it stands in is open. */
export class RunCursor implements EntryCursor {
  file = '';
  keyBytes = EMPTY;
  keyFrom = 0;
  keyTo = 0;
  high = 0;
  low = 0;
  valueBytes = EMPTY;
  valueFrom = 0;
  valueTo = 0;
  blobFiles?: BlobFileList;
  soughtOnly = false;
  private table?: EntryCursor;
  /** Place in the run of the next table to open. */
  private next: number;

  constructor(
    private readonly run: SortedRun,
    order: KeyOrder,
    private readonly open: OpenCursor,
    private readonly from?: KeyPosition,
    /** Of the run; a table may have its own. */
    public depth?: number,
  ) {
    const first =
      from === undefined ? 0 : run.findIndex(({ largest }) => comparePositions(order, largest, from) >= 0);
    this.next = first < 0 ? run.length : first;
  }

  step(): Step {
    const { table } = this;
    if (table === undefined) return this.next < this.run.length ? LOAD : END;
    const step = table.step();
    if (step === END) {
      // the next table is opened at once: its range tombstones begin before its first entry
      this.ended = true;
      return this.next < this.run.length ? LOAD : END;
    }
    if (step === LOAD) return LOAD;
    this.keyBytes = table.keyBytes;
    this.keyFrom = table.keyFrom;
    this.keyTo = table.keyTo;
    this.high = table.high;
    this.low = table.low;
    this.valueBytes = table.valueBytes;
    this.valueFrom = table.valueFrom;
    this.valueTo = table.valueTo;
    this.blobFiles = table.blobFiles;
    return step;
  }

  private ended = false;

  async load(): Promise<void> {
    if (this.table !== undefined && !this.ended) return this.table.load();
    await this.table?.close();
    this.table = undefined;
    this.ended = false;
    const bounded = this.run[this.next++];
    const opened = await this.open(bounded, this.from);
    if (opened === 'stop') this.next = this.run.length;
    else if (opened !== undefined) {
      this.table = opened;
      this.file = opened.file;
      this.soughtOnly = opened.soughtOnly ?? false;
      this.depth = opened.depth ?? this.depth;
    }
  }

  async close(): Promise<void> {
    await this.table?.close();
    this.table = undefined;
    this.next = this.run.length;
  }
}
