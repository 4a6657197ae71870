import type { SourceDescriptor } from '../bytes/source.js';
import type { CheckedFile } from '../check/check-file.js';
import type { UnitResult } from '../check/unit.js';
import type { Traffic } from '../io/objects/traffic.js';

/**
 * One independent piece of a scan: a file, or a range of blocks of a large table. Plain data, so that the same unit runs
 * inline, in a worker thread or in another process; results merge in any order.
 */
export type WorkUnit = {
  /** Position in the plan; results carry it back. */
  id: number;
  source: SourceDescriptor;
  /** Bytes that the unit is expected to read, for progress and for balance. */
  weight: number;
  /** Bytes a second to read at most. */
  maxRead?: number;
  /** Compute the CRC-32C of the whole file as well. */
  checksum?: true;
} & CheckedFile;

/** What came of a unit. `vanished`: the file was gone when the unit opened it (a live engine removes files). */
export type UnitOutcome =
  | { unit: number; state: 'done'; result: UnitResult }
  | { unit: number; state: 'vanished' }
  | { unit: number; state: 'unreadable'; code: string; reason: string };

/** Messages between the pool and its workers. */
export type WorkerRequest = { unit: WorkUnit };
export type WorkerReply = { outcome: UnitOutcome; traffic: Traffic } | { progress: number };
