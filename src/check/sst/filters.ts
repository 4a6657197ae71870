import { append } from '../../bytes/append.js';
import { firstKey, lastKey } from '../../bytes/kernel.js';
import type { Anomaly } from '../../finding/finding.js';
import { compareUserKeys, suffixStart } from '../../format/sst/comparator.js';
import { openBlockFilter } from '../../format/sst/filter/block-filter.js';
import type { Filter } from '../../format/sst/filter/filter.js';
import { openFilter } from '../../format/sst/filter/open.js';
import type { BlockHandle } from '../../format/sst/handle.js';
import { BlockIndex, decodeIndexBlock } from '../../format/sst/index-block.js';
import { KEY_TRAILER } from '../../format/sst/internal-key.js';
import {
  anomaliesInFile,
  type BlockKind,
  type BlockSpace,
  type LoadedBlock,
  loadBlock,
} from '../../format/sst/load.js';
import type { MetaBlock } from '../../format/sst/metaindex.js';
import { COLLECTED_PROPERTIES } from '../../format/sst/properties.js';
import type { Table } from '../../format/sst/table.js';
import type { HashedKeys, KeyFilter } from './data-rules.js';

/** The filter of a table, read. */
export interface TableFilter {
  /** Absent when there is none, or it is damaged, or it holds prefixes that kvdoctor cannot cut. */
  filter?: KeyFilter;
  /** Blocks that were read, all partitions included. */
  blocks: { kind: BlockKind; handle: BlockHandle }[];
  /** Payload bytes of filter blocks, partitions and their index. */
  size: number;
  anomalies: Anomaly[];
  /** File range of the filter, for findings about its content. */
  place?: { offset: number; length: number };
}

/** Reads and verifies the filter of a table with all its partitions. Rejects only when the medium fails. */
export async function readFilter(table: Table): Promise<TableFilter> {
  const result: TableFilter = { blocks: [], size: 0, anomalies: [] };
  const { space } = table;
  const meta = table.meta.find(({ kind }) => kind.endsWith('filter'));
  if (space === undefined || meta === undefined) return result;
  if (meta.kind === 'partitioned-filter') await readPartitions(table, space, meta, result);
  else await readWhole(table, space, meta, result);
  return result;
}

async function load(
  space: BlockSpace,
  handle: BlockHandle,
  kind: BlockKind,
  result: TableFilter,
): Promise<LoadedBlock | undefined> {
  const block = await loadBlock(space, handle, kind);
  append(result.anomalies, block.anomalies);
  if (block.stored !== undefined) {
    result.blocks.push({ kind, handle });
    result.size += handle.size;
  }
  return block.sound && block.contents !== undefined ? block : undefined;
}

/** A filter over whole blocks; what no writer leaves in it is noted. */
function opened(block: LoadedBlock, result: TableFilter): Filter {
  const filter = openFilter(block.contents!);
  const problems = filter.problems.map((problem) => ({ rule: 'sst/bad-filter' as const, ...problem }));
  append(result.anomalies, anomaliesInFile(block, problems));
  return filter;
}

async function readWhole(
  table: Table,
  space: BlockSpace,
  meta: MetaBlock,
  result: TableFilter,
): Promise<void> {
  const kind = meta.kind === 'block-filter' ? 'block-filter' : 'filter';
  const block = await load(space, meta.handle, kind, result);
  if (block === undefined) return;
  result.place = { offset: meta.handle.offset, length: meta.handle.size };
  if (kind === 'block-filter') {
    const filter = openBlockFilter(block.contents!, meta.name.includes('leveldb') ? 'unsigned' : 'signed');
    const problems = filter.problems.map((problem) => ({ rule: 'sst/bad-filter' as const, ...problem }));
    append(result.anomalies, anomaliesInFile(block, problems));
    result.filter = {
      holds: (key, length, offset) => filter.mayMatch(offset, key, 0, length),
      byHash: {
        hash: filter.tail,
        holdsAll: ({ hashes, count, blockOffset }) => filter.mayMatchAll(blockOffset, hashes, count),
        ...(filter.bloom && { bloom: filter.bloom }),
      },
    };
    return;
  }
  const filter = opened(block, result);
  const holds = probe(table);
  if (holds === undefined) return;
  const byHash =
    isWholeKey(table) && filter.mayMatchAll !== undefined && table.comparator.order === 'bytewise';
  result.filter = {
    holds: (key, length) => holds(filter, key, length),
    ...(byHash && {
      byHash: {
        hash: 'xxph3',
        holdsAll: ({ hashes, count }) => filter.mayMatchAll!(hashes, count),
        ...(filter.bloom && { bloom: filter.bloom }),
      },
    }),
  };
}

async function readPartitions(
  table: Table,
  space: BlockSpace,
  meta: MetaBlock,
  result: TableFilter,
): Promise<void> {
  const top = await load(space, meta.handle, 'filter-index', result);
  if (top === undefined || table.index === undefined) return;
  result.place = { offset: meta.handle.offset, length: meta.handle.size };
  const index = new BlockIndex({ ...table.index.form, firstKeys: false });
  const { anomalies, unsupported } = decodeIndexBlock(top.contents!, index);
  append(result.anomalies, anomaliesInFile(top, anomalies));
  const partitions: (Filter | undefined)[] = [];
  for (let i = 0; i < index.count; i++) {
    const handle = { offset: index.offset(i), size: index.size(i) };
    const block = await load(space, handle, 'filter-partition', result);
    partitions.push(block && opened(block, result));
  }
  const holds = probe(table);
  const usable = anomalies.length === 0 && unsupported === undefined && index.count > 0;
  if (holds === undefined || !usable || table.comparator.order === 'unknown') return;
  const filter = new PartitionedFilter(table, index, partitions, holds);
  const byHash = isWholeKey(table) && partitions.every((partition) => partition?.mayMatchAll !== undefined);
  result.filter = {
    holds: (key, length) => filter.holds(key, length),
    ...(byHash && { byHash: { hash: 'xxph3', holdsAll: (keys) => filter.holdsAll(keys) } }),
  };
}

type Probe = (filter: Filter, key: Uint8Array, length: number) => boolean;

/**
 * Finds the partition that answers for a key as the engine does: the first whose separator is not below it, else the
 * last. Keys come in order, so the partition is mostly the one of the key before.
 */
class PartitionedFilter {
  private current = 0;
  private readonly comparator;
  private readonly separators: Uint8Array[] = [];

  constructor(
    table: Table,
    index: BlockIndex,
    private readonly partitions: readonly (Filter | undefined)[],
    private readonly probe: Probe,
  ) {
    this.comparator = { ...table.comparator, timestampSize: 0 };
    const behind = (index.form.userKeys ? 0 : KEY_TRAILER) + table.comparator.timestampSize;
    for (let i = 0; i < index.count; i++) {
      const separator = index.separator(i);
      this.separators.push(separator.subarray(0, Math.max(0, separator.length - behind)));
    }
  }

  holds(key: Uint8Array, length: number): boolean {
    this.seek(key, length);
    const partition = this.partitions[this.current];
    return partition === undefined || this.probe(partition, key, length);
  }

  /** For keys that all lie in one partition, as those of most blocks do. */
  holdsAll({ hashes, count, firstLength, lastLength }: HashedKeys): boolean {
    this.seek(firstKey, firstLength - KEY_TRAILER);
    const partition = this.current;
    this.seek(lastKey, lastLength - KEY_TRAILER);
    return partition === this.current && this.partitions[partition]!.mayMatchAll!(hashes, count);
  }

  private seek(key: Uint8Array, length: number): void {
    while (this.current > 0 && !this.isBelow(this.current - 1, key, length)) this.current--;
    while (this.current < this.separators.length - 1 && this.isBelow(this.current, key, length))
      this.current++;
  }

  /** True when the separator of partition `i` is below the key. */
  private isBelow(i: number, key: Uint8Array, length: number): boolean {
    const separator = this.separators[i];
    return (compareUserKeys(this.comparator, separator, key, separator.length, length) ?? 0) < 0;
  }
}

/** The filter was given user keys and nothing else. */
function isWholeKey({ properties }: Table): boolean {
  const whole = properties?.flag(COLLECTED_PROPERTIES.wholeKeyFiltering) ?? true;
  return whole && !(properties?.flag(COLLECTED_PROPERTIES.prefixFiltering) ?? false);
}

/** How a key of this table is asked for in its filter; undefined when what was added to the filter is not known. */
function probe(table: Table): Probe | undefined {
  const { properties } = table;
  if (properties === undefined || !table.propertiesSound) return undefined;
  // Pebble's filters hold prefixes that only the comparer knows
  if (table.dialect === 'pebble' && table.comparator.order === 'unknown') return undefined;
  const whole = properties.flag(COLLECTED_PROPERTIES.wholeKeyFiltering) ?? true;
  const prefixed = properties.flag(COLLECTED_PROPERTIES.prefixFiltering) ?? false;
  const prefix = prefixed ? prefixExtractor(properties.text('prefix.extractor.name')) : undefined;
  const suffix = table.dialect === 'pebble' ? suffixStart(table.comparator.order) : undefined;
  if (suffix !== undefined) return (filter, key, length) => filter.mayMatch(key, 0, suffix(key, 0, length));
  if (!whole && prefix === undefined) return undefined;
  if (prefix === undefined) return (filter, key, length) => filter.mayMatch(key, 0, length);
  const { size, capped } = prefix;
  return (filter, key, length) => {
    if (whole && !filter.mayMatch(key, 0, length)) return false;
    if (length < size && !capped) return true;
    return filter.mayMatch(key, 0, Math.min(size, length));
  };
}

/** The built-in prefix extractors by name (rocksdb util/slice.cc); undefined for those of an application. */
function prefixExtractor(name: string | undefined): { size: number; capped: boolean } | undefined {
  if (name === 'rocksdb.Noop') return { size: Number.MAX_SAFE_INTEGER, capped: true };
  const match = /^rocksdb\.(Fixed|Capped)Prefix\.(\d+)$/.exec(name ?? '');
  return match ? { size: Number(match[2]), capped: match[1] === 'Capped' } : undefined;
}
