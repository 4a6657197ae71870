import { u32At } from '../../bytes/u32.js';
import { decodeBlobIndex } from '../blob/blob-index.js';
import { dialectNamed } from '../dialect.js';
import { verifyEntity } from './entity.js';
import { BATCH_HEADER, type BatchDialect, Shape } from './tags.js';
import { type BatchTally, Marker } from './tally.js';

const markerOfTag = new Uint8Array(256);
markerOfTag[0x03] = Marker.logData;
markerOfTag[0x09] = Marker.beginPrepare;
markerOfTag[0x0a] = Marker.endPrepare;
markerOfTag[0x0b] = Marker.commit;
markerOfTag[0x0c] = Marker.rollback;
markerOfTag[0x0d] = Marker.noop;
markerOfTag[0x12] = Marker.beginPersistedPrepare;
markerOfTag[0x13] = Marker.beginUnprepare;
markerOfTag[0x15] = Marker.commit;

const BEGIN = Marker.beginPrepare | Marker.beginPersistedPrepare | Marker.beginUnprepare;

/**
 * Whether the WriteBatch in `bytes[start, end)` has nothing wrong: exactly when `decodeBatch` finds no anomaly in it.
 * Allocates nothing per operation (entities and blob indexes excepted). `tally` receives the header, counts and markers; of a batch that
 * has something wrong only what was met before it, and no operations per column family.
 */
export function verifyBatch(
  bytes: Uint8Array,
  start: number,
  end: number,
  tally: BatchTally,
  dialect: BatchDialect = dialectNamed().batch,
): boolean {
  tally.counted = tally.emptyRanges = tally.markers = tally.count = 0;
  tally.sequenceLow = tally.sequenceHigh = 0;
  tally.position = start;
  if (end - start < BATCH_HEADER) return false;
  tally.sequenceLow = u32At(bytes, start);
  tally.sequenceHigh = u32At(bytes, start + 4);
  tally.count = u32At(bytes, start + 8);
  const whole = walk(bytes, start + BATCH_HEADER, end, tally, dialect, 1);
  if (whole && tally.counted === tally.count && tally.sequenceHigh < 2 ** 24) return true;
  const { counted, emptyRanges, markers, position } = tally;
  walk(bytes, start + BATCH_HEADER, position, tally, dialect, -1);
  tally.counted = counted;
  tally.emptyRanges = emptyRanges;
  tally.markers = markers;
  return false;
}

/** Walks operations until one has something wrong; `tally.position` is its start, or `end`. */
function walk(
  bytes: Uint8Array,
  start: number,
  end: number,
  tally: BatchTally,
  dialect: BatchDialect,
  weight: 1 | -1,
): boolean {
  const { shapes, columnFamilyForms } = dialect;
  let at = start;
  let inPrepare = false;
  while (at < end) {
    tally.position = at;
    const tag = bytes[at];
    const shape = shapes[tag];
    const marker = markerOfTag[tag];
    let columnFamily = 0;
    let next = at + 1;
    if (columnFamilyForms[tag] !== 0) {
      columnFamily = varint32(bytes, next, end, tally);
      if (columnFamily < 0) return false;
      next = tally.position;
    }
    if (shape >= Shape.key) {
      const length = varint32(bytes, next, end, tally);
      const key = tally.position;
      next = key + length;
      if (length < 0 || next > end) return restore(tally, at);
      const timestamps = tally.timestampSizes;
      if (timestamps !== undefined && marker === 0 && length < (timestamps.get(columnFamily) ?? 0))
        return restore(tally, at);
      if (shape === Shape.timestampXid || (shape >= Shape.keyValue && shape <= Shape.range)) {
        const valueLength = varint32(bytes, next, end, tally);
        const value = tally.position;
        if (valueLength < 0 || value + valueLength > end) return restore(tally, at);
        next = value + valueLength;
        if (shape > Shape.keyValue && !fineValue(shape, bytes, value, next)) return restore(tally, at);
        if (shape === Shape.range && same(bytes, key, length, value, valueLength)) tally.emptyRanges++;
      }
    } else if (shape === Shape.unknown) {
      return false;
    }
    if (marker === 0) {
      tally.counted++;
      tally.addOperation(columnFamily, weight);
    } else {
      tally.markers |= marker;
      if ((marker & BEGIN) !== 0) {
        if (inPrepare) return restore(tally, at);
        inPrepare = true;
      } else if (marker === Marker.endPrepare) {
        if (!inPrepare) return restore(tally, at);
        inPrepare = false;
      }
    }
    at = next;
  }
  tally.position = at;
  return !inPrepare;
}

function restore(tally: BatchTally, at: number): false {
  tally.position = at;
  return false;
}

function fineValue(shape: number, bytes: Uint8Array, start: number, end: number): boolean {
  if (shape === Shape.timedPut) return end - start >= 8;
  if (shape === Shape.entity) return verifyEntity(bytes.subarray(start, end)) === undefined;
  return shape !== Shape.blobIndex || decodeBlobIndex(bytes, start, end).kind !== 'malformed';
}

function same(bytes: Uint8Array, a: number, aLength: number, b: number, bLength: number): boolean {
  if (aLength !== bLength) return false;
  for (let i = 0; i < aLength; i++) if (bytes[a + i] !== bytes[b + i]) return false;
  return true;
}

/** A varint32 and, in `tally.position`, what follows it; -1 when it does not end. Bits above 32 are dropped. */
function varint32(bytes: Uint8Array, at: number, end: number, tally: BatchTally): number {
  let result = 0;
  const last = Math.min(at + 5, end);
  for (let shift = 0, i = at; i < last; i++, shift += 7) {
    const byte = bytes[i];
    result |= (byte & 0x7f) << shift;
    if (byte < 0x80) {
      tally.position = i + 1;
      return result >>> 0;
    }
  }
  return -1;
}
