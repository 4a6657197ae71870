import { hex32 } from '../../bytes/hexdump.js';
import { keyBytes } from '../../finding/evidence.js';
import type { Severity } from '../../finding/finding.js';
import type { LiveTable } from '../../format/manifest/version.js';
import { comparatorNamed, compareInternalKeys, compareUserKeys } from '../../format/sst/comparator.js';
import { KEY_TRAILER, parseInternalKey, VALUE_TYPE } from '../../format/sst/internal-key.js';
import type { TableContext, TableFacts, TableStatement } from '../unit.js';
import { bigMin, tableComparator } from './merge.js';
import type { TableReport } from './report.js';

/** Compares the facts of a whole table with what the MANIFEST says of it. */
export function compareWithManifest(
  facts: TableFacts,
  stated: TableStatement,
  { live }: TableContext,
  report: TableReport,
): void {
  // a file of another size has been reported, and its contents are cut
  if (live === undefined || live.size !== BigInt(facts.size)) return;
  // of a file that virtual tables are parts of the MANIFEST knows the parts
  if (live.backing !== undefined) return;
  if (facts.totals?.complete && stated.rangeTombstones.complete) {
    compareBounds(facts, stated, live, report);
    if (report.context.dialect === 'pebble') compareTombstones(facts, stated, live, report);
    compareSequences(facts, stated, live, report);
    compareOldestBlob(facts, live, report);
  }
  const tailStart = stated.properties.find(({ name }) => name === 'tail.start.offset');
  if (live.tailSize !== undefined && live.tailSize !== 0n && tailStart !== undefined) {
    const found = BigInt(facts.size) - tailStart.value;
    if (found !== live.tailSize) {
      const message = `The MANIFEST gives the table a tail of ${live.tailSize} bytes, its properties one of ${found}`;
      report.add({
        rule: 'sst/manifest-mismatch',
        offset: tailStart.offset,
        length: tailStart.length,
        message,
      });
    }
  }
  if (!facts.errors && report.errors === 0) compareChecksum(facts, stated, live, report);
}

/** The engine looks for a key only in tables between whose bounds it lies. */
function compareBounds(
  facts: TableFacts,
  stated: TableStatement,
  live: LiveTable,
  report: TableReport,
): void {
  const comparator = tableComparator(facts);
  const asWritten = (key: Uint8Array | undefined) => (facts.titan === undefined ? key : asPut(key));
  const [first, last] = [asWritten(facts.totals!.first), asWritten(facts.totals!.last)];
  const { smallest, largest } = live.points ?? live;
  const bounds = { smallest: asWritten(smallest)!, largest: asWritten(largest)! };
  // the MANIFEST may hold the bounds of such tables with timestamps or without
  if (stated.timestampsStripped || first === undefined || last === undefined) return;
  // Pebble reads every entry of a table whose sequences are one as having that one
  const isOne = report.context.dialect === 'pebble' && live.smallestSequence === live.largestSequence;
  const ingested = stated.globalSequence !== undefined || isOne;
  const order = (a: Uint8Array, b: Uint8Array) =>
    ingested
      ? compareUserKeys(comparator, a, b, a.length - 8, b.length - 8)
      : compareInternalKeys(comparator, a, b);
  const below = (order(first, bounds.smallest) ?? 0) < 0;
  const above = (order(last, bounds.largest) ?? 0) > 0;
  const evidence = {
    first: shown(first),
    last: shown(last),
    smallest: shown(bounds.smallest),
    largest: shown(bounds.largest),
  };
  const add = (message: string, severity: Severity) =>
    report.add({ rule: 'sst/manifest-bounds', offset: 0, length: facts.size, message, evidence }, severity);
  if (below || above) {
    const which = below && above ? 'both bounds' : below ? 'the smallest key' : 'the largest key';
    add(`Keys of the table lie outside ${which} that the MANIFEST gives it`, 'error');
  } else if (stated.rangeTombstones.count === 0 && !ingested) {
    const narrower = order(first, bounds.smallest) !== 0 || order(last, bounds.largest) !== 0;
    if (narrower)
      add('The bounds that the MANIFEST gives the table are not its first and last key', 'warning');
  }
}

/** Titan puts references in the place of values when the engine has noted the bounds (tikv/titan src/table_builder.cc). */
function asPut(key: Uint8Array | undefined): Uint8Array | undefined {
  if (key?.[key.length - KEY_TRAILER] !== VALUE_TYPE.blobIndex) return key;
  const put = Uint8Array.from(key);
  put[key.length - KEY_TRAILER] = VALUE_TYPE.put;
  return put;
}

/** Pebble's MANIFEST holds the exact bounds of points and range tombstones together. */
function compareTombstones(
  facts: TableFacts,
  { rangeTombstones, globalSequence, rangeTombstonesAt }: TableStatement,
  live: LiveTable,
  report: TableReport,
): void {
  const { smallest, largest } = facts;
  const ingested = globalSequence !== undefined || live.smallestSequence === live.largestSequence;
  if (rangeTombstones.count === 0 || ingested || rangeTombstonesAt === undefined) return;
  if (smallest === undefined || largest === undefined) return;
  const bounds = live.points ?? live;
  const comparator = tableComparator(facts);
  if (comparator.order === 'unknown') return;
  const differs = (a: Uint8Array, b: Uint8Array) => compareInternalKeys(comparator, a, b) !== 0;
  if (!differs(smallest, bounds.smallest) && !differs(largest, bounds.largest)) return;
  const message = 'The range tombstones reach elsewhere than the bounds that the MANIFEST gives the table';
  const evidence = { smallest: shown(bounds.smallest), largest: shown(bounds.largest) };
  report.add({ rule: 'sst/manifest-bounds', ...rangeTombstonesAt, message, evidence }, 'error');
}

function shown(key: Uint8Array) {
  return keyBytes(parseInternalKey(key)?.userKey ?? key);
}

function compareSequences(
  facts: TableFacts,
  stated: TableStatement,
  live: LiveTable,
  report: TableReport,
): void {
  const { smallestSequence: smallest, largestSequence: largest } = facts;
  if (smallest === undefined || largest === undefined || isOfOldFlush(facts, stated, live)) return;
  if (isCountedAsZero(facts, live)) return;
  const evidence = {
    smallest: String(smallest),
    largest: String(largest),
    statedSmallest: String(live.smallestSequence),
    statedLargest: String(live.largestSequence),
  };
  const whole = { offset: 0, length: facts.size, evidence };
  if (largest > live.largestSequence) {
    const message = `The table holds the sequence ${largest}, the MANIFEST gives it ${live.largestSequence} at most`;
    report.add({ rule: 'sst/manifest-sequences', ...whole, message }, 'error');
  } else if (smallest !== 0n && smallest < live.smallestSequence) {
    // compaction sets sequences to 0 that no snapshot needs any more
    const message = `The table holds the sequence ${smallest}, the MANIFEST gives it ${live.smallestSequence} at least`;
    report.add({ rule: 'sst/manifest-sequences', ...whole, message }, 'warning');
  }
}

/**
 * Before 4.1 a flush gave the MANIFEST the sequences of the table's first and last key, whatever lies between them. Nothing rests
 * on it: memtables are flushed in order, so that the intervals of two tables stay apart. Such a table names no column family.
 */
function isOfOldFlush({ totals }: TableFacts, { properties }: TableStatement, live: LiveTable): boolean {
  const ends = [totals?.first, totals?.last].map((key) => key && parseInternalKey(key)?.sequence);
  const [first, last] = ends;
  if (first === undefined || last === undefined) return false;
  if (properties.some(({ name }) => name === 'column.family.id')) return false;
  const [low, high] = first < last ? [first, last] : [last, first];
  return live.smallestSequence === low && live.largestSequence === high;
}

/**
 * With timestamps a compaction to the last level told the MANIFEST that it had set sequences to 0, and left them in the keys (rocksdb
 * db/compaction/compaction_iterator.cc, PrepareOutput; later releases say what they do).
 */
function isCountedAsZero({ comparator }: TableFacts, live: LiveTable): boolean {
  return live.smallestSequence === 0n && comparatorNamed(comparator).timestampSize > 0;
}

/** Blob files below the oldest reference of all tables are deleted. */
function compareOldestBlob(facts: TableFacts, live: LiveTable, report: TableReport): void {
  const { oldestBlobFile: stated = 0n } = live;
  const referenced = facts.blobReferences.map(({ number }) => number).filter((number) => number !== 0n);
  if (referenced.length === 0) return;
  const oldest = bigMin(referenced);
  if (stated !== 0n && oldest >= stated) return;
  const said = stated === 0n ? 'none' : `${stated} as the oldest`;
  const message = `The table refers to blob file ${oldest}, the MANIFEST gives it ${said}`;
  report.add({ rule: 'sst/manifest-mismatch', offset: 0, length: facts.size, message }, 'error');
}

/** `FileChecksumCrc32c`: the CRC-32C of all bytes, unmasked, big-endian. Other functions are an application's own. */
function compareChecksum(
  facts: TableFacts,
  stated: TableStatement,
  live: LiveTable,
  report: TableReport,
): void {
  const whole = facts.crcs?.[0];
  const { fileChecksum } = live;
  if (whole === undefined || fileChecksum === undefined || stated.globalSequenceEdited) return;
  if (whole.offset !== 0 || whole.length !== facts.size || !isCrc32c(live)) return;
  const expected = new DataView(fileChecksum.buffer, fileChecksum.byteOffset, 4).getUint32(0);
  if (expected === whole.crc) return;
  report.add({
    rule: 'sst/file-checksum',
    offset: 0,
    length: facts.size,
    message:
      'The file does not match the checksum that the MANIFEST has of it, though every block matches its own',
    evidence: { stored: hex32(expected), computed: hex32(whole.crc), checksum: 'FileChecksumCrc32c' },
  });
}

/** True when the MANIFEST has a checksum of the file that kvdoctor can compute. */
export function isCrc32c(live: LiveTable): boolean {
  return live.fileChecksumFunction === 'FileChecksumCrc32c' && live.fileChecksum?.length === 4;
}
