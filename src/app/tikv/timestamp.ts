/**
 * Timestamps of transactions, as PD gives them out (tikv components/txn_types/src/timestamp.rs): milliseconds since 1970 << 18,
 * then a counter. After a key they are inverted and big-endian, so that newer versions sort first.
 */

const COUNTER_BITS = 18n;
const FROM_YEAR = 2015;
const TO_YEAR = 2200;

/** Bytes of a timestamp after a key. */
export const TIMESTAMP = 8;

/** `443852055297916932 (2023-08-26T06:40:11.560Z)`; the time only where it can be one. */
export function timestampText(timestamp: bigint): string {
  const time = new Date(Number(timestamp >> COUNTER_BITS));
  const year = Number.isNaN(time.getTime()) ? 0 : time.getUTCFullYear();
  return year >= FROM_YEAR && year < TO_YEAR ? `${timestamp} (${time.toISOString()})` : String(timestamp);
}

/** The timestamp in the eight bytes from `at` on, which must be there. */
export function invertedTimestamp(bytes: Uint8Array, at: number): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return BigInt.asUintN(64, ~view.getBigUint64(at));
}
