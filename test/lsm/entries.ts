import { END, ENTRY, type EntryCursor, LOAD, type Step } from '../../src/lsm/cursor.js';
import {
  type KeyOrder,
  keyOrder,
  sequenceOfTrailer,
  trailerHigh,
  trailerLow,
} from '../../src/lsm/key-order.js';
import { Memtable } from '../../src/lsm/memtable.js';

/* Entries as text, and the cursors under test fed with them. */

export const FORWARD = keyOrder('leveldb.BytewiseComparator');
export const REVERSE = keyOrder('rocksdb.ReverseBytewiseComparator');
export const STAMPED = keyOrder('leveldb.BytewiseComparator.u64ts');

export const bytes = (text: string) => new Uint8Array(Buffer.from(text, 'latin1'));
export const text = (from: Uint8Array, start = 0, end = from.length) =>
  Buffer.from(from.subarray(start, end)).toString('latin1');

export interface Entry {
  key: string;
  sequence: number;
  type: number;
  value: string;
}

export function memtable(order: KeyOrder, entries: readonly Entry[]): Memtable {
  const table = new Memtable(order);
  for (const { key, sequence, type, value } of entries) {
    const at = BigInt(sequence);
    table.add(bytes(key), trailerHigh(at), trailerLow(at, type), bytes(value));
  }
  return table;
}

/** A cursor that asks for a load before every `every`th step, as one that reads a file does. */
export class HaltingCursor implements EntryCursor {
  private steps = 0;
  private halted = false;

  constructor(
    private readonly inner: EntryCursor,
    private readonly every: number,
  ) {}

  get file() {
    return this.inner.file;
  }
  get keyBytes() {
    return this.inner.keyBytes;
  }
  get keyFrom() {
    return this.inner.keyFrom;
  }
  get keyTo() {
    return this.inner.keyTo;
  }
  get high() {
    return this.inner.high;
  }
  get low() {
    return this.inner.low;
  }
  get valueBytes() {
    return this.inner.valueBytes;
  }
  get valueFrom() {
    return this.inner.valueFrom;
  }
  get valueTo() {
    return this.inner.valueTo;
  }

  step(): Step {
    if (this.halted) throw new Error('stepped without the load that it asked for');
    if (++this.steps % this.every === 0) {
      this.halted = true;
      return LOAD;
    }
    return this.inner.step();
  }

  async load(): Promise<void> {
    this.halted = false;
  }

  close(): Promise<void> {
    return this.inner.close();
  }
}

/** What a cursor yields, up to the end. */
export async function drain(cursor: EntryCursor): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (;;) {
    const step = cursor.step();
    if (step === END) return entries;
    if (step === ENTRY) entries.push(entryOf(cursor));
    else await cursor.load();
  }
}

export function entryOf(cursor: EntryCursor): Entry {
  return {
    key: text(cursor.keyBytes, cursor.keyFrom, cursor.keyTo),
    sequence: Number(sequenceOfTrailer(cursor.high, cursor.low)),
    type: cursor.low & 0xff,
    value: text(cursor.valueBytes, cursor.valueFrom, cursor.valueTo),
  };
}
