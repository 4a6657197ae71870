// Keys of Kvrocks (kvrocks src/storage/redis_metadata.cc), integers big-endian:
//
//   metadata   u8 length | namespace | [u16 slot] | user key
//   subkey     u8 length | namespace | [u16 slot] | u32 length | user key | u64 version | subkey
//
// The slot stands there when cluster-enabled was yes while the database was made; nothing in the database says so.

/** The namespace of keys for which none was chosen. */
export const DEFAULT_NAMESPACE = '__namespace';

/** CRC16 of XMODEM: polynomial 0x1021, nothing reflected, beginning with 0. */
function crc16(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
    crc &= 0xffff;
  }
  return crc;
}

const OPEN = 0x7b;
const CLOSE = 0x7d;
const SLOTS = 0x3fff;

/** The cluster slot of a user key, 0 to 16383: of what stands between its first braces, where that is not empty. */
export function slotOf(userKey: Uint8Array): number {
  const open = userKey.indexOf(OPEN);
  const close = open < 0 ? -1 : userKey.indexOf(CLOSE, open + 1);
  return crc16(close > open + 1 ? userKey.subarray(open + 1, close) : userKey) & SLOTS;
}

/** A user key, and where it belongs. */
export interface UserKey {
  namespace: Uint8Array;
  slot?: number;
  key: Uint8Array;
}

export interface Subkey extends UserKey {
  /** Of the value that it is an element of; another one than the metadata's marks a leftover. */
  version: bigint;
  subkey: Uint8Array;
}

/** Decodes a key of column family `metadata`. `undefined` for any other bytes. */
export function decodeUserKey(bytes: Uint8Array, slots: boolean): UserKey | undefined {
  const from = 1 + (bytes[0] ?? 0);
  const at = slots ? from + 2 : from;
  if (bytes.length < 1 || at > bytes.length) return undefined;
  const namespace = bytes.subarray(1, from);
  return { namespace, ...(slots && { slot: (bytes[from] << 8) | bytes[from + 1] }), key: bytes.subarray(at) };
}

/** Decodes a key of `default`, `zset_score` or `stream`. `undefined` for any other bytes. */
export function decodeSubkey(bytes: Uint8Array, slots: boolean): Subkey | undefined {
  const head = decodeUserKey(bytes, slots);
  if (head === undefined || head.key.length < 12) return undefined;
  const { key: rest } = head;
  const view = new DataView(rest.buffer, rest.byteOffset, rest.length);
  const length = view.getUint32(0);
  if (length > rest.length - 12) return undefined;
  return {
    ...head,
    key: rest.subarray(4, 4 + length),
    version: view.getBigUint64(4 + length),
    subkey: rest.subarray(12 + length),
  };
}

/** A key of column family `metadata`. Namespaces have at most 255 bytes. */
export function encodeUserKey(namespace: Uint8Array, key: Uint8Array, slots: boolean): Uint8Array {
  const slot = slots ? slotOf(key) : 0;
  const place = slots ? [slot >> 8, slot & 0xff] : [];
  return Buffer.concat([Uint8Array.of(namespace.length), namespace, Uint8Array.from(place), key]);
}

/** Whether a metadata key stands under its own slot: by chance one in 16,384 does that has none. */
export function bearsSlot(bytes: Uint8Array): boolean {
  const decoded = decodeUserKey(bytes, true);
  return decoded?.slot !== undefined && decoded.slot === slotOf(decoded.key);
}
