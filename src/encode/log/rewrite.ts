import type { Predecessor } from '../../format/log/metadata.js';
import { RecordType } from '../../format/log/types.js';
import { encodePhysical } from './physical.js';
import { encodePredecessor, fragmentType } from './writer.js';

/** Bytes to put into a file. */
export interface Patch {
  offset: number;
  bytes: Uint8Array;
}

/** Where a logical record lies: file offsets and lengths of its fragments' payloads, without headers. */
export interface RecordPlace {
  payloadOffsets: readonly number[];
  payloadLengths: readonly number[];
}

/**
 * The patches that put another payload of the same length in the place of a logical record, each fragment with its new
 * checksum: a batch whose count is put right, say. `payload` is as stored, a ZSTD frame where the log is compressed;
 * `logNumber` for recyclable headers. Throws when the length differs.
 */
export function rewriteRecord(place: RecordPlace, payload: Uint8Array, logNumber?: number): Patch[] {
  const { payloadOffsets, payloadLengths } = place;
  const total = payloadLengths.reduce((sum, length) => sum + length, 0);
  if (total !== payload.length)
    throw new RangeError(`the record has ${total} bytes in its place, ${payload.length} are to go there`);
  const last = payloadOffsets.length - 1;
  let taken = 0;
  return payloadOffsets.map((offset, i) => {
    const part = payload.subarray(taken, taken + payloadLengths[i]);
    taken += part.length;
    const plain = fragmentType(i === 0, i === last);
    const bytes = encodePhysical(logNumber === undefined ? plain : plain + 4, part, logNumber);
    return { offset: offset - (bytes.length - part.length), bytes };
  });
}

/** The patch that makes the predecessor record whose header is at `offset` say something else. */
export function rewritePredecessor(offset: number, predecessor: Predecessor, logNumber?: number): Patch {
  const type = logNumber === undefined ? RecordType.predecessor : RecordType.recyclablePredecessor;
  return { offset, bytes: encodePhysical(type, encodePredecessor(predecessor), logNumber) };
}
