import { BATCH_HEADER, Shape } from '../format/batch/tags.js';
import { BatchWalker, marker } from './batch-walker.js';
import type { EngineError } from './status.js';

interface Reconciled {
  /** The batch with keys as the running comparators want them; absent when it already is so. */
  bytes?: Uint8Array;
  /** No recovery mode gets past it. */
  error?: EngineError;
}

/**
 * Fits the keys of a batch to the timestamp sizes that the column families have now, where its WAL recorded others: a
 * family that has none now loses the timestamps, one that had none gets the smallest, and two sizes do not mix
 * (rocksdb util/udt_util.cc). A batch that does not decode is given back as it is.
 */
export function reconcileTimestamps(
  bytes: Uint8Array,
  running: ReadonlyMap<number, number>,
  recorded: ReadonlyMap<number, number>,
): Reconciled {
  let consistent = true;
  for (const [id, size] of running) consistent &&= change(size, recorded.get(id)) === 0;
  if (consistent) return {};
  let needed = false;
  const walker = new BatchWalker(bytes);
  while (walker.next()) {
    const size = walker.counts ? running.get(walker.columnFamily) : undefined;
    if (size === undefined) continue;
    const by = change(size, recorded.get(walker.columnFamily));
    if (Number.isNaN(by)) {
      return refused('WriteBatch contains unrecoverable timestamp size inconsistency.');
    }
    if (by !== 0) needed = true;
  }
  if (walker.error() !== undefined || !needed) return {};
  return rewrite(bytes, running, recorded);
}

/** Bytes that a key gains (positive) or loses; NaN when both have a timestamp and the sizes differ. */
function change(running: number, recorded: number | undefined): number {
  if (running === 0) return recorded === undefined ? 0 : -recorded;
  if (recorded === undefined) return running;
  return running === recorded ? 0 : Number.NaN;
}

function rewrite(
  bytes: Uint8Array,
  running: ReadonlyMap<number, number>,
  recorded: ReadonlyMap<number, number>,
): Reconciled {
  const out: number[] = [...bytes.subarray(0, BATCH_HEADER)];
  const walker = new BatchWalker(bytes);
  let start = walker.position;
  while (walker.next()) {
    const size = walker.counts ? running.get(walker.columnFamily) : undefined;
    const by = size === undefined ? 0 : change(size, recorded.get(walker.columnFamily));
    if (walker.tag === marker.beginUnprepare) {
      return refused(
        'Handle user defined timestamp setting change is not supported forwrite unprepared policy. The WAL must be emptied.',
      );
    }
    if (by === 0) {
      push(out, bytes.subarray(start, walker.position));
    } else {
      const key = fitted(walker.key, by);
      if (key === undefined)
        return { error: { code: 'crash', kind: 'crash', message: 'a key shorter than its timestamp' } };
      out.push(walker.tag);
      if (walker.dialect.columnFamilyForms[walker.tag] === 1) varint(out, walker.columnFamily);
      prefixed(out, key);
      const shape = walker.dialect.shapes[walker.tag];
      if (shape !== Shape.key) {
        const value = shape === Shape.range ? fitted(walker.value, by) : walker.value;
        prefixed(out, value ?? walker.value);
      }
    }
    start = walker.position;
  }
  return { bytes: Uint8Array.from(out) };
}

function fitted(key: Uint8Array, by: number): Uint8Array | undefined {
  if (by < 0) return key.length < -by ? undefined : key.subarray(0, key.length + by);
  const padded = new Uint8Array(key.length + by);
  padded.set(key);
  return padded;
}

function push(out: number[], bytes: Uint8Array): void {
  for (const byte of bytes) out.push(byte);
}

function varint(out: number[], value: number): void {
  let rest = value;
  while (rest >= 0x80) {
    out.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  out.push(rest);
}

function prefixed(out: number[], bytes: Uint8Array): void {
  varint(out, bytes.length);
  push(out, bytes);
}

function refused(message: string): Reconciled {
  return { error: { code: 'invalid-argument', kind: 'timestamp-size', message } };
}
