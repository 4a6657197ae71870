import { EMPTY, END, type EntryCursor, LOAD, type Step } from './cursor.js';
import type { Window } from './windows.js';

/** Walks the windows of a column family; the next one is filled when the one before it is through. */
export class WindowCursor implements EntryCursor {
  readonly file = '';
  keyBytes = EMPTY;
  keyFrom = 0;
  keyTo = 0;
  high = 0;
  low = 0;
  valueBytes = EMPTY;
  valueFrom = 0;
  valueTo = 0;
  private window?: Window;
  private entries?: EntryCursor;
  /** What asked for a value that lies in its log. */
  private waiting?: EntryCursor;
  private pending = true;

  /** `fill` makes the window that begins at a key (without timestamp). */
  constructor(
    private readonly fill: (from: Uint8Array | undefined) => Promise<Window>,
    private from: Uint8Array | undefined,
  ) {}

  step(): Step {
    const { entries } = this;
    const step = entries === undefined ? END : entries.step();
    this.waiting = step === LOAD ? entries : undefined;
    if (step === LOAD) return LOAD;
    if (entries === undefined || step === END) return this.pending ? LOAD : END;
    this.keyBytes = entries.keyBytes;
    this.keyFrom = entries.keyFrom;
    this.keyTo = entries.keyTo;
    this.high = entries.high;
    this.low = entries.low;
    this.valueBytes = entries.valueBytes;
    this.valueFrom = entries.valueFrom;
    this.valueTo = entries.valueTo;
    return step;
  }

  async load(): Promise<void> {
    if (this.waiting !== undefined) return this.waiting.load();
    if (!this.pending) return;
    this.drop();
    this.window = await this.fill(this.from);
    this.entries = this.window.memtable.cursor();
    this.from = this.window.to;
    this.pending = this.from !== undefined;
  }

  async close(): Promise<void> {
    this.pending = false;
    this.drop();
  }

  private drop(): void {
    this.entries = undefined;
    this.window?.memtable.release();
    this.window = undefined;
  }
}
