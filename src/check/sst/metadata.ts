import type { Anomaly } from '../../finding/finding.js';
import { comparatorNamed } from '../../format/sst/comparator.js';
import { NumberReader } from '../../format/sst/handle.js';
import {
  anomaliesInFile,
  type BlockKind,
  isAsStored,
  type LoadedBlock,
  loadBlock,
} from '../../format/sst/load.js';
import type { MetaKind } from '../../format/sst/metaindex.js';
import { COLLECTED_PROPERTIES, type CollectedProperty } from '../../format/sst/properties.js';
import type { NamedBlock, Table } from '../../format/sst/table.js';
import type { TableReport } from './report.js';

/**
 * Reports what was wrong with the footer and the blocks that `openTable` read. A file whose size is not the MANIFEST's gets
 * one finding for that, at the cut, in place of the footer that is missing because of it.
 */
export function reportMetadata(table: Table, report: TableReport, wrongFile: boolean): void {
  const live = wrongFile ? undefined : report.context.live;
  // a table that ends in its footer is whole: then the MANIFEST has its size wrong, and is blamed where it says so
  const whole = table.footer !== undefined && table.footer.offset + table.footer.length === table.size;
  const cut =
    live !== undefined && live.size !== BigInt(table.size) && !whole
      ? sizeAnomaly(table, live.size)
      : undefined;
  if (cut !== undefined) report.add(cut);
  for (const anomaly of table.anomalies) {
    if (cut !== undefined && isAboutTheEnd(anomaly, table)) continue;
    if (
      anomaly.rule === 'sst/truncated' &&
      anomaly.offset === table.size &&
      live?.size === BigInt(table.size)
    ) {
      report.add(overwrittenFooter(table, anomaly));
    } else report.add(anomaly);
  }
  for (const { reason, offset, length } of table.unsupported) report.skip(reason, offset, length);
}

function sizeAnomaly(table: Table, expected: bigint): Anomaly {
  const { size } = table;
  const evidence = { expectedSize: String(expected), size };
  if (size === 0) {
    const message = `The table is empty; the MANIFEST gives it ${expected} bytes`;
    return { rule: 'sst/empty', offset: 0, length: 0, message, evidence };
  }
  if (BigInt(size) < expected) {
    const message = `The file ends after ${size} bytes; the MANIFEST gives it ${expected}`;
    return { rule: 'sst/truncated', offset: size, length: 0, message, evidence };
  }
  const offset = Number(expected);
  const message = `${size - offset} bytes follow the ${expected} that the MANIFEST gives the table`;
  return { rule: 'sst/trailing-bytes', offset, length: size - offset, message, evidence };
}

/** True for what a wrong size brings with it: no footer, or one before the end. */
function isAboutTheEnd(anomaly: Anomaly, table: Table): boolean {
  // a block that the end cuts off is missing for the same reason
  if (anomaly.rule !== 'sst/truncated' && anomaly.evidence?.block !== undefined) return false;
  const rules = new Set<string>([
    'sst/empty',
    'sst/truncated',
    'sst/zeroed',
    'sst/trailing-bytes',
    'sst/bad-magic',
  ]);
  return rules.has(anomaly.rule) || (table.footer === undefined && anomaly.rule === 'sst/bad-footer');
}

/** The size is right, so the footer was there and is not any more. */
function overwrittenFooter(table: Table, anomaly: Anomaly): Anomaly {
  const length = Math.min(table.size, 53);
  const message = 'The last bytes of the table are not a footer';
  return { ...anomaly, rule: 'sst/bad-footer', offset: table.size - length, length, message };
}

/** Checks what properties say about the table as a whole. */
export function checkProperties(table: Table, report: TableReport, wrongFile: boolean): void {
  const { properties } = table;
  if (properties === undefined || !table.propertiesSound || wrongFile) return;
  const { comparator, live } = report.context;
  const own = properties.text('comparator');
  if (comparator !== undefined && own && own !== 'nullptr' && baseName(own) !== baseName(comparator)) {
    const message = `The table is ordered by ${own}, its column family by ${comparator}`;
    report.add({ ...propertyAnomaly(table, 'sst/wrong-comparator', message), evidence: { own, comparator } });
  }
  const version = properties.fixed(COLLECTED_PROPERTIES.externalVersion, 4);
  const global = properties.fixed(COLLECTED_PROPERTIES.globalSequence, 8);
  if (global === undefined) return;
  const problem =
    version === undefined
      ? 'A table that was not written for ingestion has a global sequence number'
      : version === 1n
        ? 'A table of external version 1 has a global sequence number'
        : live !== undefined && global !== 0n && global !== live.largestSequence
          ? `The table has the global sequence ${global}, the MANIFEST ${live.largestSequence}`
          : undefined;
  if (problem === undefined) return;
  const anomaly = propertyAnomaly(table, 'sst/global-sequence', problem, COLLECTED_PROPERTIES.globalSequence);
  report.add({ ...anomaly, evidence: { globalSequence: String(global) } });
}

/** Timestamps may be switched on for a column family that has tables: the name differs by a suffix then. */
function baseName(comparator: string): string {
  return comparatorNamed(comparator.replace(/\.u64ts$/, '')).name;
}

/** An anomaly at a property where the properties block is stored as it is, else at the block. */
function propertyAnomaly(
  table: Table,
  rule: Anomaly['rule'],
  message: string,
  property?: CollectedProperty,
): Anomaly {
  const block = table.propertiesBlock;
  const place = property && table.properties?.place(property);
  const { offset = 0, size = 0 } = block?.handle ?? {};
  if (place === undefined || block === undefined || !isAsStored(block))
    return { rule, offset, length: size, message };
  return { rule, offset: offset + place.offset, length: place.length, message };
}

const READ_BY_OPEN = new Set<MetaKind>([
  'properties',
  'index',
  'compression-dictionary',
  'range-tombstones',
  'filter',
  'partitioned-filter',
  'block-filter',
  'range-keys',
  'value-index',
]);

/** Verifies the meta blocks that neither opening the table nor its filter has read. Rejects only when the medium fails. */
export async function checkOtherBlocks(table: Table, report: TableReport): Promise<NamedBlock[]> {
  const { space } = table;
  if (space === undefined) return [];
  const loaded = new Map<MetaKind, LoadedBlock>();
  const blocks: NamedBlock[] = [];
  for (const { kind, handle, name } of table.meta) {
    if (READ_BY_OPEN.has(kind)) continue;
    const block = await loadBlock(space, handle, blockKind(kind));
    report.addAll(block.anomalies);
    if (block.unsupported !== undefined)
      report.skip(`${name}: ${block.unsupported}`, handle.offset, handle.size);
    loaded.set(kind, block);
    blocks.push({ kind: block.kind, handle });
  }
  const prefixes = loaded.get('hash-index-prefixes');
  const metadata = loaded.get('hash-index-metadata');
  if (prefixes?.sound && metadata?.sound && table.index !== undefined && table.indexSound) {
    report.addAll(checkHashIndexBlocks(prefixes, metadata, table.index.count));
  }
  return blocks;
}

function blockKind(kind: MetaKind): BlockKind {
  const own = ['hash-index-prefixes', 'hash-index-metadata', 'user-defined-index'] as const;
  return own.find((name) => name === kind) ?? 'unknown';
}

/*
 * The index of type `hash` keeps, beside an ordinary one, which index entries hold keys of a prefix
 * (rocksdb table/block_based/block_prefix_index.cc):
 *
 *   rocksdb.hashindex.prefixes   all prefixes end to end
 *   rocksdb.hashindex.metadata   repeated | prefix length varint32 | first index entry varint32 | entries varint32 |
 */

/** Checks both blocks of a hash index against each other and against an index of `entries` blocks. */
function checkHashIndexBlocks(prefixes: LoadedBlock, metadata: LoadedBlock, entries: number): Anomaly[] {
  const bytes = metadata.contents;
  if (bytes === undefined || prefixes.contents === undefined) return [];
  const complain = (offset: number, length: number, message: string) =>
    anomaliesInFile(metadata, [{ rule: 'sst/bad-hash-index', offset, length, message }]);
  const reader = new NumberReader(bytes, 0, bytes.length);
  let prefixBytes = 0;
  while (reader.position < bytes.length) {
    const at = reader.position;
    const length = reader.varint(5);
    const first = reader.varint(5);
    const count = reader.varint(5);
    if (reader.failed) return complain(at, bytes.length - at, 'an entry of the hash index cannot be decoded');
    prefixBytes += length;
    if (first + count > entries) {
      const message = `a prefix leads to index entries ${first} to ${first + count - 1} of ${entries}`;
      return complain(at, reader.position - at, message);
    }
  }
  const stored = prefixes.contents.length;
  if (prefixBytes === stored) return [];
  return complain(0, bytes.length, `the prefixes of the hash index take ${stored} bytes, not ${prefixBytes}`);
}
