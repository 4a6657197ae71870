import type { EvidenceValue } from '../finding/evidence.js';

/** What `step` of a cursor came to. */
export const END = 0;
/** The cursor stands on an entry. */
export const ENTRY = 1;
/** Bytes must be read first: await `load`, then step again. */
export const LOAD = 2;
export type Step = typeof END | typeof ENTRY | typeof LOAD;

/** Why a source could not be read on, and where. Bytes of the file; both absent when the file itself is missing. */
export interface Problem {
  file: string;
  offset?: number;
  length?: number;
  message: string;
  evidence?: Record<string, EvidenceValue>;
}

export type BlobFileList = readonly (bigint | undefined)[];

/**
 * Walks entries in internal-key order over buffers that it owns and reuses: what the fields say is valid until the next
 * `step` or `load`. Stepping is synchronous and allocates nothing; only when bytes have to come from a medium does it
 * return `LOAD`, once per block and not per entry, so that millions of entries a second pass without a promise each.
 *
 *     for (;;) {
 *       const step = cursor.step();
 *       if (step === LOAD) await cursor.load();
 *       else if (step === END) break;
 *       else use(cursor.keyBytes, cursor.keyFrom, cursor.keyTo, …);
 *     }
 */
export interface EntryCursor {
  /** The user key (with its timestamp, where the comparator has one) is `keyBytes[keyFrom, keyTo)`. */
  readonly keyBytes: Uint8Array;
  readonly keyFrom: number;
  readonly keyTo: number;
  /** u32, sequence >> 24. */
  readonly high: number;
  /** u32, sequence << 8 | type, modulo 2^32. */
  readonly low: number;
  readonly valueBytes: Uint8Array;
  readonly valueFrom: number;
  readonly valueTo: number;
  /**
   * Set where the value of the current entry stands in a blob file of Pebble, and `valueBytes` has its handle: numbers of the files that
   * handles of the table name, in the table's order; undefined for one that the MANIFEST does not name.
   */
  readonly blobFiles?: BlobFileList;
  /** The file that the current entry comes from. */
  readonly file: string;
  /** How many of the sources that are merged stand above this one, where the engine takes what they hold for newer. */
  readonly depth?: number;
  /** The engine's iterator only gets to the entries here when it seeks past a range tombstone: see table-cursor.ts. */
  readonly soughtOnly?: boolean;
  step(): Step;
  /** Reads what `step` asked for. Damage met on the way is reported, not thrown; only a failing medium rejects. */
  load(): Promise<void>;
  close(): Promise<void>;
}

export const EMPTY: Uint8Array = new Uint8Array(0);
