// Restate's ids as its command line and its SQL show them (crates/types base62_util.rs and identifiers.rs):
//
//   inv_ | 1, the version | partition key, 11 digits | the id's own 16 bytes, 22 digits
//
// Each number is written in base 62, its bytes reversed first, with zeros before it.

const DIGITS = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';
const PREFIX = 'inv_1';
const PARTITION_KEY = 8;
const PARTITION_KEY_DIGITS = 11;
/** Bytes of an invocation's own id. */
export const INVOCATION_ID = 16;
const INVOCATION_ID_DIGITS = 22;

/** A number of `width` bytes as Restate writes it, big-endian in `bytes`. */
function base62(bytes: Uint8Array, digits: number): string {
  let number = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) number = (number << 8n) | BigInt(bytes[i]);
  let text = '';
  for (; number > 0n; number /= 62n) text = DIGITS[Number(number % 62n)] + text;
  return text.padStart(digits, '0');
}

/** `inv_1…`, 38 characters, of a partition key and the 16 bytes beside it. */
export function invocationText(partitionKey: bigint, id: Uint8Array): string {
  const bytes = Buffer.alloc(PARTITION_KEY);
  bytes.writeBigUInt64BE(partitionKey);
  return PREFIX + base62(bytes, PARTITION_KEY_DIGITS) + invocationEnd(id);
}

/** The last 22 characters of an invocation's id, for keys that do not carry its partition key. */
export function invocationEnd(id: Uint8Array): string {
  return base62(id, INVOCATION_ID_DIGITS);
}
