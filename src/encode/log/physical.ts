import { crc32c, maskCrc } from '../../bytes/crc32c.js';
import { LEGACY_HEADER, RECYCLABLE_HEADER } from '../../format/log/types.js';

/** Writes a physical record at `at` and gives the offset behind it. With `logNumber`, `type` is a recyclable one. */
export function putPhysical(
  into: Uint8Array,
  at: number,
  type: number,
  payload: Uint8Array,
  logNumber?: number,
): number {
  const headerSize = logNumber === undefined ? LEGACY_HEADER : RECYCLABLE_HEADER;
  const end = at + headerSize + payload.length;
  const view = new DataView(into.buffer, into.byteOffset, into.byteLength);
  view.setUint16(at + 4, payload.length, true);
  into[at + 6] = type;
  if (logNumber !== undefined) view.setUint32(at + LEGACY_HEADER, logNumber, true);
  into.set(payload, at + headerSize);
  view.setUint32(at, maskCrc(crc32c(into, at + 6, end)), true);
  return end;
}

/** The bytes of one physical record. */
export function encodePhysical(type: number, payload: Uint8Array, logNumber?: number): Uint8Array {
  const headerSize = logNumber === undefined ? LEGACY_HEADER : RECYCLABLE_HEADER;
  const bytes = new Uint8Array(headerSize + payload.length);
  putPhysical(bytes, 0, type, payload, logNumber);
  return bytes;
}
