import { redisWord } from '../redis/word.js';
import { decodeSubkey } from './key.js';
import type { KvrocksLayout } from './layout.js';
import { decodeMetadata, JSON_DOCUMENT, type Metadata, STRING, valueTypes } from './metadata.js';
import { NAMESPACE_KEYS } from './propagate.js';
import { decodeStreamSubkey, streamFields, streamNumbers } from './stream.js';

/** Bytes of a value that are shown. */
const SHOWN = 100;
/** Fields of a stream's entry that are shown. */
const FIELDS = 12;

/**
 * A value in words. `undefined` for what says no more than its bytes: elements of a hash, set or list, whose kind only the
 * metadata of their key tells.
 */
export function kvrocksValueText(
  { families, slots }: KvrocksLayout,
  columnFamily: number,
  key: Uint8Array,
  value: Uint8Array,
): string | undefined {
  switch (families.get(columnFamily)) {
    case 'metadata': {
      const metadata = decodeMetadata(value);
      return metadata && metadataText(metadata);
    }
    case 'stream': {
      const subkey = decodeSubkey(key, slots)?.subkey;
      return subkey && streamValueText(subkey, value);
    }
    case 'pubsub':
      return `message ${redisWord(value, SHOWN)}`;
    case 'propagate':
      return Buffer.from(key).toString('latin1') === NAMESPACE_KEYS ? 'tokens, not shown' : undefined;
    default:
      return undefined;
  }
}

/** `hash of 3 elements, made 2025-02-03T10:00:00.000Z, expires …`. */
function metadataText(metadata: Metadata): string {
  const { type, expire, version, size, rest, list } = metadata;
  const name = valueTypes[type];
  const ends = expire === 0n ? '' : `, expires ${timeText(expire)}`;
  if (type === STRING) return `string ${redisWord(rest, SHOWN)}${ends}`;
  if (type === JSON_DOCUMENT) {
    const document = rest.subarray(1);
    return `JSON ${rest[0] === 0 ? redisWord(document, SHOWN) : `of ${document.length} bytes as CBOR`}${ends}`;
  }
  const unit = type === BITMAP ? 'byte' : 'element';
  const span =
    list === undefined ? '' : `, from position ${position(list.head)} up to ${position(list.tail)}`;
  return `${name} of ${size} ${unit}${size === 1n ? '' : 's'}${span}, made ${madeAt(version ?? 0n)}${ends}`;
}

const BITMAP = 6;
const MIDDLE = 0x7fff_ffff_ffff_ffffn;
const position = (at: bigint) => `${at < MIDDLE ? '' : '+'}${at - MIDDLE}`;

/** A version is the microsecond it was made in, and after it a counter of 11 bits. */
function madeAt(version: bigint): string {
  return version === 0n ? 'without a version' : timeText((version >> 11n) / 1000n);
}

function timeText(milliseconds: bigint): string {
  const date = new Date(Number(milliseconds));
  return Number.isNaN(date.getTime()) ? `at ${milliseconds} ms` : date.toISOString();
}

function streamValueText(subkey: Uint8Array, value: Uint8Array): string | undefined {
  const { kind } = decodeStreamSubkey(subkey);
  if (kind !== 'entry') {
    const said = streamNumbers(kind, value).map(([name, number]) => `${name} ${number}`);
    return said.length > 0 ? said.join(', ') : undefined;
  }
  const fields = streamFields(value);
  if (fields === undefined) return undefined;
  const more = fields.length > FIELDS ? ' …' : '';
  return fields
    .slice(0, FIELDS)
    .map((field) => redisWord(field, SHOWN))
    .join(' ')
    .concat(more);
}
