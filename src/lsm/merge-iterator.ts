import { END, ENTRY, type EntryCursor, LOAD, type Step } from './cursor.js';
import type { KeyOrder } from './key-order.js';

/**
 * Walks several cursors as one, in internal-key order: a binary heap with the smallest entry on top. Most entries come from
 * one source in long runs (the largest level), so the smaller of the top's children is remembered and one comparison
 * settles an entry as long as the top stays ahead of it.
 */
export class MergeIterator {
  /** The cursor that stands on the current entry. */
  current!: EntryCursor;
  private readonly heap: EntryCursor[] = [];
  private started = 0;
  /** Waits for bytes; its last step came to nothing yet. */
  private waiting?: EntryCursor;
  /** Index of the top's smaller child, 0 when it is not known. */
  private challenger = 0;
  private positioned = false;

  constructor(
    private readonly order: KeyOrder,
    private readonly sources: readonly EntryCursor[],
  ) {}

  step(): Step {
    while (this.started < this.sources.length) {
      const source = this.sources[this.started];
      const step = source.step();
      if (step === LOAD) return this.wait(source);
      this.started++;
      if (step === ENTRY) this.push(source);
    }
    const { heap } = this;
    if (this.positioned) {
      const top = heap[0];
      const step = top.step();
      if (step === LOAD) return this.wait(top);
      if (step === END) this.removeTop();
      else this.settleTop();
    }
    this.positioned = heap.length > 0;
    if (!this.positioned) return END;
    this.current = heap[0];
    return ENTRY;
  }

  async load(): Promise<void> {
    await this.waiting?.load();
    this.waiting = undefined;
  }

  async close(): Promise<void> {
    for (const source of this.sources) await source.close();
  }

  private wait(source: EntryCursor): Step {
    this.waiting = source;
    return LOAD;
  }

  private push(source: EntryCursor): void {
    const { heap } = this;
    let at = heap.push(source) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.before(source, heap[parent])) break;
      heap[at] = heap[parent];
      at = parent;
    }
    heap[at] = source;
  }

  private settleTop(): void {
    const { heap } = this;
    if (heap.length === 1) return;
    if (this.challenger === 0) {
      this.challenger = heap.length > 2 && this.before(heap[2], heap[1]) ? 2 : 1;
    }
    if (this.before(heap[this.challenger], heap[0])) this.siftDown(heap[0]);
  }

  private removeTop(): void {
    const last = this.heap.pop() as EntryCursor;
    if (this.heap.length > 0) this.siftDown(last);
    this.challenger = 0;
  }

  private siftDown(source: EntryCursor): void {
    const { heap } = this;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && this.before(heap[child + 1], heap[child])) child++;
      if (!this.before(heap[child], source)) break;
      heap[at] = heap[child];
      at = child;
    }
    heap[at] = source;
    this.challenger = 0;
  }

  private before(a: EntryCursor, b: EntryCursor): boolean {
    const difference = this.order.compareUserKeys(
      a.keyBytes,
      a.keyFrom,
      a.keyTo,
      b.keyBytes,
      b.keyFrom,
      b.keyTo,
    );
    if (difference !== 0) return difference < 0;
    if (a.high !== b.high) return a.high > b.high;
    if (a.low !== b.low) return a.low > b.low;
    // two histories in one directory: the engine takes the newer source, which stands first (leveldb table/merger.cc)
    const [{ depth: first = 0 }, { depth: second = 0 }] = [a, b];
    return first !== second ? first < second : this.sources.indexOf(a) < this.sources.indexOf(b);
  }
}
