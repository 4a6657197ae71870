import type { Anomaly, Finding, Severity } from '../../finding/finding.js';
import type { NumberProperty } from '../../format/sst/properties.js';
import type { TableContext, TableFacts, TableStatement, TableTotals } from '../unit.js';
import { compareWithManifest } from './manifest.js';
import { TableReport } from './report.js';

/**
 * What needs every block of a table: what was found in it against what its properties and the MANIFEST say. Takes the facts
 * of a whole table, or of its units put together by `mergeTableFacts`.
 */
export function checkTableTotals(facts: TableFacts, context: TableContext): Finding[] {
  const report = new TableReport(context);
  const { stated } = facts;
  if (stated === undefined) return [];
  compareWithProperties(facts, stated, report);
  if (!stated.wrongFile) compareWithManifest(facts, stated, context, report);
  report.finish();
  return report.findings;
}

/** What a property should be: one number, or any of several that versions of the writer left. */
interface Expectation {
  name: NumberProperty;
  what: string;
  found: readonly (number | bigint | undefined)[];
  rule: Anomaly['rule'];
  severity?: Severity;
}

function compareWithProperties(facts: TableFacts, stated: TableStatement, report: TableReport): void {
  const { totals } = facts;
  const { rangeTombstones: tombstones, index } = stated;
  const expectations: Expectation[] = [];
  if (tombstones.complete) {
    expectations.push({
      name: 'num.range-deletions',
      what: 'range tombstones',
      found: [tombstones.count],
      rule: 'sst/wrong-count',
    });
  }
  if (totals?.complete && tombstones.complete) expectations.push(...ofEntries(facts, stated, totals));
  if (index !== undefined) expectations.push(...ofBlocks(stated, index));
  for (const expectation of expectations) compare(stated, expectation, report);
}

function ofEntries(facts: TableFacts, stated: TableStatement, totals: TableTotals): Expectation[] {
  const { rangeTombstones: tombstones } = stated;
  const { points, deletions, merges, keyBytes, valueBytes } = totals;
  const size = { rule: 'sst/wrong-size', severity: 'warning' } as const;
  const count = { rule: 'sst/wrong-count', severity: 'warning' } as const;
  const expectations: Expectation[] = [
    // writers before 6.0 leave range tombstones out
    {
      name: 'num.entries',
      what: 'entries',
      found: [points + tombstones.count, points],
      rule: 'sst/wrong-count',
    },
    { name: 'merge.operands', what: 'merge operands', found: [merges], ...count },
    {
      name: 'raw.key.size',
      what: 'bytes of keys',
      found: [keyBytes + tombstones.keyBytes, keyBytes],
      ...size,
    },
  ];
  // writers before 5.18 did not count range tombstones, and some (7.8) not deletions with timestamps
  if (!facts.comparator?.endsWith('.u64ts')) {
    const found = [deletions + tombstones.count, deletions];
    expectations.push({ name: 'deleted.keys', what: 'deletions', found, ...count });
  }
  // where timestamps are stripped, the sum is of the values before that; Titan's references are left out of it, since the collector of
  // their sizes consumes them (tikv/titan src/blob_file_size_collector.cc)
  if (!stated.timestampsStripped && facts.titan === undefined) {
    const found = [valueBytes + tombstones.endBytes, valueBytes];
    expectations.push({ name: 'raw.value.size', what: 'bytes of values', found, ...size });
  }
  const sequences = [totals.minSequence, totals.maxSequence, tombstones.minSequence, tombstones.maxSequence]
    .filter((sequence) => sequence !== undefined)
    .map(Number);
  if (sequences.length > 0) {
    const largest = Math.max(...sequences);
    const smallest = Math.min(...sequences);
    expectations.push(
      { name: 'key.largest.seqno', what: 'as the largest sequence', found: [largest], ...size },
      { name: 'key.smallest.seqno', what: 'as the smallest sequence', found: [smallest], ...size },
    );
  }
  return expectations;
}

function ofBlocks(stated: TableStatement, index: NonNullable<TableStatement['index']>): Expectation[] {
  const note = { rule: 'sst/wrong-size', severity: 'note' } as const;
  const expectations: Expectation[] = [
    { name: 'index.size', what: 'bytes of index', found: indexSizes(index), ...note },
    { name: 'filter.size', what: 'bytes of filters', found: [stated.filterSize], ...note },
  ];
  // tables that collect samples for a dictionary count their data blocks wrong from 10.9 on
  if (!stated.hasDictionary) {
    const found = [index.blocks];
    expectations.push({
      name: 'num.data.blocks',
      what: 'data blocks',
      found,
      rule: 'sst/wrong-count',
      severity: 'warning',
    });
  }
  return expectations;
}

/**
 * With 5 bytes for one trailer, however many index blocks there are. Writers before 4.1 count restart arrays twice, those of 5.x
 * leave out the top level.
 */
function indexSizes({ size }: NonNullable<TableStatement['index']>): number[] {
  if (size === undefined) return [];
  const { contents, restarts, topLevel } = size;
  return [contents + 5, contents, contents + restarts + 5, contents - topLevel + 5];
}

function compare(stated: TableStatement, expectation: Expectation, report: TableReport): void {
  const { name, what, found, rule, severity } = expectation;
  const property = stated.properties.find((candidate) => candidate.name === name);
  if (property === undefined || found[0] === undefined) return;
  if (found.some((number) => number !== undefined && BigInt(number) === property.value)) return;
  const { offset, length, value } = property;
  const evidence = { property: `rocksdb.${name}`, stated: String(value), found: String(found[0]) };
  const message = `The properties give ${value} ${what}, the table holds ${found[0]}`;
  report.add({ rule, offset, length, message, evidence }, severity);
}
