// Keys of Restate's partition store (crates/partition-store keys.rs and the tables' modules), integers big-endian:
//
//   two letters, the table | its fields, one after the other
//   number    u64 or u32         id     16 bytes of an invocation      text    varint length, bytes
//
// Each partition has a column family `data-N`. Tables by partition carry N in their keys as well; tables by partition key
// (the hash by which services and invocations are spread) do not.

import { INVOCATION_ID } from './ids.js';

type Field =
  | 'partition'
  | 'partition key'
  | 'u64'
  | 'u32'
  | 'u8'
  | 'id'
  | 'text'
  | 'timer'
  | 'producer'
  | 'rest';

interface Table {
  name: string;
  fields: readonly (readonly [name: string, field: Field])[];
}

const service = [
  ['partition key', 'partition key'],
  ['service', 'text'],
  ['key', 'text'],
] as const;
const invocation = [
  ['partition key', 'partition key'],
  ['invocation', 'id'],
] as const;
const queue = [
  ['partition key', 'partition key'],
  ['rest', 'rest'],
] as const;

/** Tables by their two letters. Those whose fields are not all known end with `rest`. */
const tables: Readonly<Record<string, Table>> = {
  de: {
    name: 'deduplication',
    fields: [
      ['partition', 'partition'],
      ['producer', 'producer'],
    ],
  },
  fs: {
    name: 'state machine',
    fields: [
      ['partition', 'partition'],
      ['variable', 'u64'],
    ],
  },
  ob: {
    name: 'outbox',
    fields: [
      ['partition', 'partition'],
      ['message', 'u64'],
    ],
  },
  ti: {
    name: 'timer',
    fields: [
      ['partition', 'partition'],
      ['at', 'u64'],
      ['timer', 'timer'],
    ],
  },
  ib: { name: 'inbox', fields: [...service, ['sequence', 'u64']] },
  ss: { name: 'service status', fields: service },
  st: { name: 'state', fields: [...service, ['state key', 'text']] },
  pr: { name: 'promise', fields: [...service, ['promise', 'text']] },
  ip: { name: 'idempotency', fields: [...service, ['handler', 'text'], ['idempotency key', 'text']] },
  is: { name: 'invocation status (before 1.2)', fields: invocation },
  iS: { name: 'invocation status', fields: invocation },
  jo: { name: 'journal (first version)', fields: [...invocation, ['entry', 'u32']] },
  j2: { name: 'journal', fields: [...invocation, ['entry', 'u32']] },
  jc: { name: 'journal completion', fields: [...invocation, ['completion', 'u32']] },
  jn: { name: 'journal notification', fields: [...invocation, ['rest', 'rest']] },
  je: { name: 'journal event', fields: [...invocation, ['rest', 'rest']] },
  lo: { name: 'lock', fields: queue },
  sS: { name: 'scoped state', fields: queue },
  sP: { name: 'scoped promise', fields: queue },
  qa: { name: 'active queue', fields: queue },
  qe: { name: 'queue entry', fields: queue },
  qi: { name: 'queue input', fields: queue },
  qm: { name: 'queue', fields: queue },
  qs: { name: 'queue entry status', fields: queue },
  qI: { name: 'queue, waiting', fields: queue },
  qR: { name: 'queue, running', fields: queue },
  qS: { name: 'queue, suspended', fields: queue },
  qP: { name: 'queue, paused', fields: queue },
  qF: { name: 'queue, finished', fields: queue },
};

/** The variable that says how the tables of a partition are laid out (crates/types partitions StorageVersion). */
export const STORAGE_VERSION = 5n;

/** Variables of the state machine, by number (crates/partition-store fsm_table). */
export const variables: Readonly<Record<number, string>> = {
  0: 'inbox sequence',
  1: 'outbox sequence',
  2: 'applied LSN',
  3: 'lowest Restate version',
  4: 'durability',
  5: 'storage version',
  6: 'services',
  7: 'configuration',
  8: 'orphans cleaned up',
  9: 'rule book',
  10: 'features',
  11: 'seal',
};

export interface PartitionKey {
  /** Two letters, and what they stand for. */
  table: string;
  name: string;
  values: { name: string; field: Field; value: bigint | Uint8Array }[];
  /** The partition that the key names itself. */
  partition?: bigint;
}

const TABLE = 2;
/** After the byte that says which: timers name an invocation, one kind an entry of its journal too. */
const TIMER_KINDS = [INVOCATION_ID, INVOCATION_ID + 4, INVOCATION_ID, INVOCATION_ID];
const PRODUCER_NUMBERS: Readonly<Record<number, number>> = { 0: 8, 2: 16 };

/** The letters of a key, where they are those of a table: also where what follows does not decode. */
export function tableOf(bytes: Uint8Array): string | undefined {
  if (bytes.length < TABLE) return undefined;
  const letters = String.fromCharCode(bytes[0], bytes[1]);
  return Object.hasOwn(tables, letters) ? letters : undefined;
}

/** A key of a column family `data-N`. `undefined` for any other key. */
export function decodePartitionKey(bytes: Uint8Array): PartitionKey | undefined {
  const table = tableOf(bytes);
  if (table === undefined) return undefined;
  const { name, fields } = tables[table];
  const key: PartitionKey = { table, name, values: [] };
  let at = TABLE;
  for (const [fieldName, field] of fields) {
    const read = readField(bytes, at, field);
    if (read === undefined) return undefined;
    if (field === 'partition') key.partition = read.value as bigint;
    key.values.push({ name: fieldName, field, value: read.value });
    at = read.end;
  }
  return at === bytes.length ? key : undefined;
}

interface Read {
  value: bigint | Uint8Array;
  end: number;
}

function readField(bytes: Uint8Array, at: number, field: Field): Read | undefined {
  const taken = (length: number, from = at): Read | undefined =>
    from + length > bytes.length
      ? undefined
      : { value: bytes.subarray(from, from + length), end: from + length };
  switch (field) {
    case 'partition':
    case 'partition key':
    case 'u64':
      return number(bytes, at, 8);
    case 'u32':
      return number(bytes, at, 4);
    case 'u8':
      return number(bytes, at, 1);
    case 'id':
      return taken(INVOCATION_ID);
    case 'text':
      return text(bytes, at);
    case 'timer': {
      const length = TIMER_KINDS[bytes[at]];
      return length === undefined ? undefined : taken(1 + length);
    }
    case 'producer': {
      if (bytes[at] === 1) {
        const named = text(bytes, at + 1);
        return named && taken(named.end - at);
      }
      const length = PRODUCER_NUMBERS[bytes[at]];
      return length === undefined ? undefined : taken(1 + length);
    }
    case 'rest':
      return taken(bytes.length - at);
  }
}

function number(bytes: Uint8Array, at: number, length: number): Read | undefined {
  if (at + length > bytes.length) return undefined;
  let value = 0n;
  for (let i = 0; i < length; i++) value = (value << 8n) | BigInt(bytes[at + i]);
  return { value, end: at + length };
}

/** A varint length and that many bytes. */
function text(bytes: Uint8Array, at: number): Read | undefined {
  let length = 0;
  for (let scale = 1, i = at; i < bytes.length && i < at + 5; i++, scale *= 128) {
    length += (bytes[i] & 0x7f) * scale;
    if (bytes[i] >= 0x80) continue;
    const from = i + 1;
    return length > bytes.length - from
      ? undefined
      : { value: bytes.subarray(from, from + length), end: from + length };
  }
  return undefined;
}

/** The partition of a column family `data-N` or `idx-N`. */
export function partitionOf(family: string): bigint | undefined {
  const match = /^(?:data|idx)-(\d{1,10})$/.exec(family);
  return match === null ? undefined : BigInt(match[1]);
}
