import { Cursor } from '../bytes/cursor.js';
import { tableUniqueId } from '../check/sst/identity.js';
import {
  COLLECTED_PROPERTIES,
  NUMBER_PROPERTIES,
  type TableProperties,
  TEXT_PROPERTIES,
} from '../format/sst/properties.js';
import { publicUniqueId } from '../format/sst/unique-id.js';
import type { Node, Value } from './node.js';

const PREFIX = 'rocksdb.';
const numbers = new Set<string>(NUMBER_PROPERTIES.map((name) => PREFIX + name));
const texts = new Set<string>(TEXT_PROPERTIES.map((name) => PREFIX + name));
const { indexType, externalVersion, globalSequence } = COLLECTED_PROPERTIES;
const words32 = new Set<string>([PREFIX + indexType, PREFIX + externalVersion]);

/** The value of a property as its writer meant it: a number, text, or bytes where only its owner knows. */
export function propertyValue(name: string, raw: Uint8Array): Value {
  const cursor = new Cursor(raw);
  const number = numbers.has(name)
    ? cursor.varint64()
    : words32.has(name) && raw.length === 4
      ? cursor.u32()
      : name === PREFIX + globalSequence && raw.length === 8
        ? cursor.u64()
        : undefined;
  if (number !== undefined) return number;
  return texts.has(name) ? Buffer.from(raw).toString('utf8') : raw;
}

const indexTypes = ['binary search', 'hash search', 'two-level', 'binary search with first keys'];

/** What sst_dump derives from properties and does not find there. */
export async function* derivedProperties(properties: TableProperties): AsyncGenerator<Node> {
  const number = (name: (typeof NUMBER_PROPERTIES)[number]) => properties.number(name) ?? 0n;
  const entries = number('num.entries');
  const average = (total: bigint) => (entries === 0n ? '0' : (Number(total) / Number(entries)).toFixed(6));
  yield { name: 'raw average key size', value: average(number('raw.key.size')) };
  yield { name: 'raw average value size', value: average(number('raw.value.size')) };
  const size = number('data.size') + number('index.size') + number('filter.size');
  yield { name: 'estimated table size', value: size };
  const type = properties.fixed(indexType, 4);
  if (type !== undefined) yield { name: 'index type', value: indexTypes[Number(type)] ?? type };
  const internal = await tableUniqueId(properties);
  if (internal === undefined) return;
  yield { name: 'unique id, internal', value: Buffer.from(internal).toString('hex') };
  yield { name: 'unique id', value: publicUniqueId(internal) };
}
