import { redisWord } from '../redis/word.js';
import { INVOCATION_ID, invocationEnd, invocationText } from './ids.js';
import { type PartitionKey, variables } from './partition-keys.js';

/** Bytes of a name or key that are shown. */
const SHOWN = 64;

/** The part of a name or key that is shown. */
export const shownText = (bytes: Uint8Array) => (bytes.length === 0 ? '""' : redisWord(bytes, SHOWN));
const hex = (bytes: Uint8Array) => Buffer.from(bytes.subarray(0, SHOWN)).toString('hex');

/** What a key of a partition belongs to: `journal: invocation inv_1…, entry 3`. */
export function partitionKeyText(key: PartitionKey): string {
  const { table, name, values } = key;
  const invocation = invocationOf(key);
  // an invocation's id begins with its partition key
  const shown = invocation === undefined ? values : values.filter(({ field }) => field !== 'partition key');
  const fields = shown.map(({ name: label, field, value }) => {
    if (table === 'fs' && label === 'variable') return variables[Number(value)] ?? `variable ${value}`;
    if (typeof value === 'bigint') return `${label} ${value}`;
    if (field === 'id' && invocation !== undefined) return `${label} ${invocation}`;
    if (field === 'timer') return timerText(value);
    if (field === 'producer') return producerText(value);
    return field === 'text' ? `${label} ${shownText(value)}` : `${label} ${hex(value)}`;
  });
  return `${name}: ${fields.join(', ')}`;
}

/** The id of the invocation that a key belongs to, as Restate shows it. */
export function invocationOf({ values }: PartitionKey): string | undefined {
  const key = values.find(({ field }) => field === 'partition key')?.value;
  const id = values.find(({ field }) => field === 'id')?.value;
  return typeof key === 'bigint' && typeof id === 'object' ? invocationText(key, id) : undefined;
}

/** What a timer does, by the byte that it begins with (crates/storage-api timer_table). */
const timerKinds = ['delayed call', 'completion', 'clean-up', 'delayed call'];

/** Timers name an invocation by the second half of its id only. */
function timerText(timer: Uint8Array): string {
  const id = invocationEnd(timer.subarray(1, 1 + INVOCATION_ID));
  const entry = timer.subarray(1 + INVOCATION_ID);
  const of = `${timerKinds[timer[0]]} of invocation …${id}`;
  return entry.length === 0 ? of : `${of}, entry ${Buffer.from(entry).readUInt32BE()}`;
}

function producerText(producer: Uint8Array): string {
  const body = Buffer.from(producer.subarray(1));
  if (producer[0] === 0) return `producer partition ${body.readBigUInt64BE()}`;
  if (producer[0] === 2) return `producer ${hex(body)}`;
  // after its length
  const from = body.findIndex((byte) => byte < 0x80) + 1;
  return `producer ${shownText(body.subarray(from))}`;
}
