import { redisWord } from '../redis/word.js';

/*
 * Subkeys of column family `stream` (kvrocks src/types/redis_stream_base.cc), integers big-endian:
 *
 *   entry      u64 milliseconds | u64 number                                   value: (varint length | bytes) field, value, …
 *   others     ff × 8 | u8 type | u64 length | group | …
 *     1 group      nothing more
 *     2 consumer   u64 length | consumer
 *     3 pending    u64 milliseconds | u64 number
 */
const TYPE_AT = 8;
const GROUP_AT = 9;
const GROUP = 1;
const CONSUMER = 2;
const PENDING = 3;
/** Bytes of an entry's id. */
export const ENTRY_ID = 16;

interface StreamSubkey {
  kind: 'entry' | 'group' | 'consumer' | 'pending' | 'unknown';
  /** Of an entry, or of the one that is pending: `1700000000000-0`. */
  id?: string;
  group?: Uint8Array;
  consumer?: Uint8Array;
}

const u64 = (bytes: Uint8Array, at: number) =>
  new DataView(bytes.buffer, bytes.byteOffset + at, 8).getBigUint64(0);

/** The id at `at`; `undefined` where the bytes end before it does. */
export function streamId(bytes: Uint8Array, at = 0): string | undefined {
  return bytes.length < at + ENTRY_ID ? undefined : `${u64(bytes, at)}-${u64(bytes, at + 8)}`;
}

/** Bytes after their length as u64; `undefined` where there are fewer. */
function sized(bytes: Uint8Array, at: number): Uint8Array | undefined {
  if (bytes.length < at + 8) return undefined;
  const length = u64(bytes, at);
  return length > BigInt(bytes.length - at - 8) ? undefined : bytes.subarray(at + 8, at + 8 + Number(length));
}

/** Takes a subkey apart. Any other bytes are of kind `unknown`. */
export function decodeStreamSubkey(subkey: Uint8Array): StreamSubkey {
  const special = subkey.length > GROUP_AT && subkey.subarray(0, TYPE_AT).every((byte) => byte === 0xff);
  if (!special) {
    const id = subkey.length === ENTRY_ID ? streamId(subkey) : undefined;
    return id === undefined ? { kind: 'unknown' } : { kind: 'entry', id };
  }
  const group = sized(subkey, GROUP_AT);
  if (group === undefined) return { kind: 'unknown' };
  const rest = GROUP_AT + 8 + group.length;
  const type = subkey[TYPE_AT];
  if (type === GROUP) return { kind: 'group', group };
  if (type === CONSUMER) {
    const consumer = sized(subkey, rest);
    return consumer === undefined ? { kind: 'unknown' } : { kind: 'consumer', group, consumer };
  }
  const id = type === PENDING ? streamId(subkey, rest) : undefined;
  return id === undefined ? { kind: 'unknown' } : { kind: 'pending', group, id };
}

export function streamKeyText(subkey: Uint8Array): string {
  const { kind, id, group, consumer } = decodeStreamSubkey(subkey);
  const word = (bytes: Uint8Array | undefined) => redisWord(bytes ?? new Uint8Array(0), 100);
  if (kind === 'entry') return `entry ${id}`;
  if (kind === 'group') return `group ${word(group)}`;
  if (kind === 'consumer') return `consumer ${word(consumer)} of group ${word(group)}`;
  if (kind === 'pending') return `entry ${id} pending in group ${word(group)}`;
  return `element ${word(subkey)}`;
}

/** Fields and values of an entry in turn, each after its length as a varint. `undefined` when that does not come out even. */
export function streamFields(bytes: Uint8Array): Uint8Array[] | undefined {
  const fields: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      if (at >= bytes.length || shift > 28) return undefined;
      const byte = bytes[at++];
      length += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) break;
    }
    if (length > bytes.length - at) return undefined;
    fields.push(bytes.subarray(at, at + length));
    at += length;
  }
  return fields;
}

/** Numbers of a group, a consumer or a pending entry by their names, as `decodeStreamSubkey` tells which. */
export function streamNumbers(kind: StreamSubkey['kind'], value: Uint8Array): [string, bigint][] {
  const names: Partial<Record<StreamSubkey['kind'], string[]>> = {
    group: ['consumers', 'pending', 'last delivered ms', 'last delivered number', 'entries read', 'lag'],
    consumer: ['pending', 'last attempt ms', 'last success ms'],
    pending: ['delivered ms', 'deliveries'],
  };
  return (names[kind] ?? [])
    .slice(0, Math.floor(value.length / 8))
    .map((name, i) => [name, BigInt.asIntN(64, u64(value, 8 * i))]);
}
