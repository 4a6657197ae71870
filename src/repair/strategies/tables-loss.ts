import type { WrittenTable } from '../../encode/sst/table-writer.js';
import { keyBytes } from '../../finding/evidence.js';
import { fileBehind } from '../../format/manifest/version.js';
import { tableName } from '../place.js';
import type { LossStatement } from '../plan.js';
import type { Hidden } from './tables-hide.js';
import type { Reading } from './tables-reading.js';
import type { SalvageRequest } from './tables-salvage.js';

/** Keys, or ranges of keys, that a statement of loss names. They are data, for the renderer to write: `--redact` takes them out. */
const MOST_NAMED = 20;

/** The damaged table, by the name that it has or would have. */
function fileOf({ entry, table, version, database }: SalvageRequest): string {
  return entry?.file ?? tableName(database.inventory, fileBehind(version, table).number);
}

/** LevelDB and Pebble have no column families. */
function whereIn({ database, columnFamilyName }: SalvageRequest): string {
  return database.dialect !== 'rocksdb' ? '' : ` of column family ${columnFamilyName}`;
}

function familyFact({ database, columnFamilyName }: SalvageRequest): { columnFamily?: string } {
  return database.dialect !== 'rocksdb' ? {} : { columnFamily: columnFamilyName };
}

/** What a new table lacks of the damaged one. */
export function lossOf(
  request: SalvageRequest,
  reading: Reading,
  written: WrittenTable,
): LossStatement | undefined {
  const { table, entry } = request;
  const { gaps, lostEntries, lostDeletions, lostRangeTombstones } = reading;
  const lostRangeKeys = reading.pebble?.lostRangeKeys ?? 'none';
  if (gaps.length === 0 && lostRangeTombstones === 'none' && lostRangeKeys === 'none') return undefined;
  const what = [
    ...(gaps.length === 0
      ? []
      : [
          `${lostEntries === undefined ? 'an unknown number of' : lostEntries} entries${whereIn(request)}, in ${gaps.length === 1 ? 'one range' : `${gaps.length} ranges`} of keys`,
        ]),
    ...(lostDeletions === undefined || lostDeletions > 0n
      ? gaps.length === 0
        ? []
        : [`${lostDeletions === undefined ? 'perhaps deletions' : `${lostDeletions} of them deletions`}`]
      : []),
    ...(lostRangeTombstones === 'none'
      ? []
      : [lostRangeTombstones === 'some' ? 'its range tombstones' : 'its range tombstones, if it had any']),
    ...(lostRangeKeys === 'none'
      ? []
      : [lostRangeKeys === 'some' ? 'its range keys' : 'its range keys, if it had any']),
  ];
  return {
    file: fileOf(request),
    ...(entry?.root !== undefined && { root: entry.root }),
    detail: what.join('; '),
    facts: {
      ...familyFact(request),
      level: table.level,
      kept: written.entries,
      ...(lostEntries !== undefined && { entries: String(lostEntries) }),
      ...(lostDeletions !== undefined && { deletions: String(lostDeletions) }),
      ...(gaps.length > 0 && {
        from: keyBytes(gaps[0].range.from),
        to: keyBytes(gaps.at(-1)!.range.to),
        keyRanges: gaps
          .slice(0, MOST_NAMED)
          .map(({ range: { from, to } }) => ({ from: keyBytes(from), to: keyBytes(to) })),
        ...(gaps.length > MOST_NAMED && { notListed: gaps.length - MOST_NAMED }),
      }),
    },
  };
}

/**
 * What becomes of older values of keys that a table lost: hidden by deletions that nothing accounts for, so that these keys are
 * gone for readers, or shown again. Either is a loss: what was there last is not what a reader gets.
 */
export function olderValuesOf(
  request: SalvageRequest,
  { gaps, lostDeletions }: Reading,
  { points, ranges, mayShow = 0 }: Hidden,
): LossStatement[] {
  const { entry } = request;
  const [file, where, columnFamily] = [fileOf(request), whereIn(request), familyFact(request)];
  const place = { file, ...(entry?.root !== undefined && { root: entry.root }) };
  const statements: LossStatement[] = [];
  if (points.length + ranges.length > 0) {
    const keys = points.length > 0 ? [`${points.length} keys${where}`] : [];
    const more = ranges.length > 0 ? [`${ranges.length} ranges of keys`] : [];
    statements.push({
      ...place,
      detail: `${[...keys, ...more].join(' and ')} hidden by deletions that nothing accounts for: their newest versions may be lost, and older ones are not shown in their place`,
      facts: { ...columnFamily, hiddenKeys: points.length, hiddenRanges: ranges.length },
    });
  }
  const showing =
    gaps.length > 0 && lostDeletions === 0n && gaps.some(({ mayHold }) => mayHold === undefined);
  if (mayShow > 0) {
    statements.push({
      ...place,
      detail: `older values of up to ${mayShow} keys${where} come back in place of what is lost, deleted ones too`,
      facts: { ...columnFamily, keysThatMayComeBack: mayShow },
    });
  } else if (points.length + ranges.length === 0 && showing) {
    statements.push({
      ...place,
      detail: `keys${where} that were overwritten in the lost part may show their older values; no deletion is lost`,
      facts: columnFamily,
    });
  }
  return statements;
}

/** What is kept of blocks whose checksums do not hold: it stands clear of the damage, and nothing proves it. */
export function unprovenOf(request: SalvageRequest, { blocks }: Reading): LossStatement[] {
  const { entry } = request;
  return blocks.flatMap(({ offset, size, part }) =>
    part === undefined || part.proven
      ? []
      : [
          {
            file: fileOf(request),
            ...(entry?.root !== undefined && { root: entry.root }),
            detail: `${part.entries} entries of the block at ${offset}, whose checksum does not hold: they stand clear of what is damaged in it`,
            facts: { offset, length: size, kept: part.entries },
          },
        ],
  );
}

/** Keys whose values are lost, in blob files or in the table itself. */
export function lostValuesOf(request: SalvageRequest, keys: readonly Uint8Array[]): LossStatement {
  const { entry } = request;
  return {
    file: entry!.file,
    ...(entry!.root !== undefined && { root: entry!.root }),
    detail: `${keys.length} entries${whereIn(request)}, whose values cannot be read`,
    facts: {
      ...familyFact(request),
      entries: keys.length,
      keys: keys.slice(0, MOST_NAMED).map(keyBytes),
      ...(keys.length > MOST_NAMED && { notListed: keys.length - MOST_NAMED }),
    },
  };
}

/** What was done about older versions, and what the policy lets come back. */
export function remarksOf(
  { table, policy, database }: SalvageRequest,
  reading: Reading,
  hidden: Hidden,
): string[] {
  const { gaps, found, lostRangeTombstones } = reading;
  const name = `table ${table.number}`;
  const remarks: string[] = [];
  if (found !== undefined && found.entries.length > 0)
    remarks.push(
      `${name}: ${found.entries.length} entries of its damaged blocks are taken from ${found.files.join(', ')}, which it was made from`,
    );
  if (reading.putsAsDeletions !== undefined)
    remarks.push(
      `${name}: ${reading.putsAsDeletions} entries are deletions with a value, and become the puts that they were: the properties count no such deletion`,
    );
  const hiding = hidden.points.length + hidden.ranges.length;
  if (hiding > 0) {
    const ranges = database.dialect === 'leveldb' ? '' : ` and ${hidden.ranges.length} range tombstones`;
    remarks.push(
      policy === 'accept' && database.dialect === 'leveldb'
        ? `${name}: undo logs of transactions are kept hidden by ${hidden.points.length} deletions: the browser would play them, and so take back what was written later`
        : `${name}: older versions of keys that it lost are kept hidden by ${hidden.points.length} deletions${ranges}, so that nothing deleted comes back; --on-lost-tombstones accept would show them instead`,
    );
  }
  if (policy === 'accept' && (gaps.length > 0 || lostRangeTombstones !== 'none')) {
    remarks.push(`${name}: lost deletions are accepted: what they deleted may come back`);
  }
  return remarks;
}
