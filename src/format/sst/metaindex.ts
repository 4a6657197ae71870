/*
 * The metaindex: an ordinary block whose keys are the names of the other meta blocks and whose values are their handles,
 * sorted bytewise (rocksdb table/meta_blocks.cc).
 */
import type { Anomaly, Range } from '../../finding/finding.js';
import { BlockReader } from './block.js';
import { compareBytes } from './comparator.js';
import { type BlockHandle, decodeHandle, handleBytes } from './handle.js';

/** What a meta block holds, by its name in the metaindex. */
export type MetaKind =
  | 'properties'
  | 'index'
  | 'compression-dictionary'
  | 'range-tombstones'
  | 'filter'
  | 'partitioned-filter'
  | 'block-filter'
  | 'hash-index-prefixes'
  | 'hash-index-metadata'
  | 'user-defined-index'
  | 'range-keys'
  | 'value-index'
  | 'unknown';

const BY_NAME = new Map<string, MetaKind>([
  ['rocksdb.properties', 'properties'],
  ['rocksdb.stats', 'properties'],
  ['rocksdb.index', 'index'],
  ['rocksdb.compression_dict', 'compression-dictionary'],
  ['rocksdb.range_del', 'range-tombstones'],
  ['rocksdb.hashindex.prefixes', 'hash-index-prefixes'],
  ['rocksdb.hashindex.metadata', 'hash-index-metadata'],
  ['rocksdb.range_del2', 'range-tombstones'],
  ['pebble.range_key', 'range-keys'],
  ['pebble.value_index', 'value-index'],
]);

const BY_PREFIX: readonly (readonly [string, MetaKind])[] = [
  ['fullfilter.', 'filter'],
  ['partitionedfilter.', 'partitioned-filter'],
  ['filter.', 'block-filter'],
  ['rocksdb.user_defined_index.', 'user-defined-index'],
];

export interface MetaBlock {
  name: string;
  kind: MetaKind;
  handle: BlockHandle;
  /** What stands after the handle. */
  extra: Uint8Array;
  /** The entry in the metaindex block. */
  entry: Range;
}

/** What a meta block of that name holds. */
function metaKind(name: string): MetaKind {
  return BY_NAME.get(name) ?? BY_PREFIX.find(([prefix]) => name.startsWith(prefix))?.[1] ?? 'unknown';
}

/** Names that only Pebble writes. */
export function isPebbleName(name: string): boolean {
  return name.startsWith('pebble.') || name === 'rocksdb.range_del2';
}

const latin1 = new TextDecoder('latin1');

/** Decodes a metaindex block; `isOrdered`: names ascend, as everywhere but in some of Pebble's. Anomalies are in its own space; entries that cannot be read are left out. */
export function decodeMetaindex(
  bytes: Uint8Array,
  isOrdered = true,
): { blocks: MetaBlock[]; anomalies: Anomaly[] } {
  const reader = new BlockReader(bytes);
  const blocks: MetaBlock[] = [];
  let previous: Uint8Array | undefined;
  for (let entry = reader.next(); entry !== undefined; entry = reader.next()) {
    const name = latin1.decode(entry.key);
    const { offset, length, valueOffset, valueLength } = entry;
    const handle = decodeHandle(bytes, valueOffset, valueOffset + valueLength);
    if (handle === undefined) {
      const message = `the handle of ${name} cannot be decoded`;
      const evidence = { entry: metaKind(name) };
      reader.anomalies.push({ rule: 'sst/bad-handle', offset, length, message, evidence });
      continue;
    }
    if (isOrdered && previous !== undefined && compareBytes(previous, entry.key) >= 0) {
      const message = `the entry ${name} is out of order`;
      reader.anomalies.push({ rule: 'sst/bad-metaindex', offset, length, message });
    }
    previous = entry.key.slice();
    const extra = bytes.slice(valueOffset + handleBytes(bytes, valueOffset), valueOffset + valueLength);
    blocks.push({ name, kind: metaKind(name), handle, extra, entry: { offset, length } });
  }
  return { blocks, anomalies: reader.anomalies };
}
