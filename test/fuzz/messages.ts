import type { FuzzCase } from './case.js';

export interface ToWorker {
  seed: number;
  only?: string;
  /** Number of the first step. */
  from: number;
  /** Counts commands, so that a hang is seen. */
  current: Int32Array;
  /** Set when it is time to end. */
  stop: Int32Array;
}

export type FromWorker =
  | { running: FuzzCase }
  | { failure: FuzzCase }
  | { step: number; runs: number; blocks: number };
