import type { Database } from '../../engine/database.js';
import { refusedTableFormat } from '../../engine/pebble.js';
import type { EvidenceValue } from '../../finding/evidence.js';
import type { Finding } from '../../finding/finding.js';
import { findingAt, placeOf } from '../../finding/finding-at.js';
import { fileName } from '../../format/filename.js';
import { comparatorNamed, compareUserKeys } from '../../format/sst/comparator.js';
import { isExclusiveEnd, KEY_TRAILER } from '../../format/sst/internal-key.js';
import type { TableFacts } from '../unit.js';

type Bounded = TableFacts & Required<Pick<TableFacts, 'smallest' | 'largest'>>;

/** Tables that WALs bring in and that are not there, or are others. `named`: files of tables that the MANIFEST has. */
export function checkIngested(
  database: Database,
  named: ReadonlySet<bigint>,
  tables: readonly TableFacts[],
): Finding[] {
  const here = new Set(
    database.inventory.entries.filter(({ kind }) => kind === 'table').map(({ number }) => number),
  );
  const own: Finding[] = [];
  const brought: { table: Bounded; wal: string }[] = [];
  for (const [number, { wal, sequence }] of database.pebble?.ingested ?? []) {
    if (named.has(number)) continue;
    if (!here.has(number)) {
      own.push(
        findingAt({ file: fileName('table', number) }, 'directory/missing-table', {
          message: `${wal} brings the table in at sequence ${sequence}; it is not there`,
          evidence: {
            wal,
            sequence: String(sequence),
            engine: 'pebble: error when looking up ingested SSTs',
          },
        }),
      );
      continue;
    }
    const found = tables.find((table) => table.number === number);
    if (found === undefined || found.errors) continue;
    own.push(...checkFormat(database, found, wal));
    if (!found.largestSequence) {
      if (isBounded(found)) brought.push({ table: found, wal });
      continue;
    }
    own.push(
      another(
        found,
        `${wal} brings the table in, and it has sequences of its own: it is another one, and Pebble refuses to open`,
        {
          wal,
          largestSequence: String(found.largestSequence),
          engine: 'pebble: external sstable has non-zero seqnum',
        },
      ),
    );
  }
  return [...own, ...checkCopies(database, brought, tables)];
}

/** A format version that does not allow the format of a table was another one when the table was taken in: it never goes back. */
function checkFormat({ pebble }: Database, { pebbleFormat = 0, file }: TableFacts, wal: string): Finding[] {
  const engine = refusedTableFormat(pebbleFormat, pebble?.formatVersion);
  if (engine === undefined) return [];
  const place = pebble?.formatMarker === undefined ? { file } : placeOf(pebble.formatMarker);
  return [
    findingAt(place, 'directory/format-version', {
      message: `${wal} brings in ${file}, in a format that format version ${pebble?.formatVersion} does not allow: Pebble refuses to open`,
      evidence: { wal, table: file, engine: `pebble: error when loading flushable ingest files: ${engine}` },
    }),
  ];
}

const isBounded = (table: TableFacts): table is Bounded =>
  table.smallest !== undefined && table.largest !== undefined;

const another = (
  { file, size }: TableFacts,
  message: string,
  evidence: Record<string, EvidenceValue>,
): Finding => findingAt({ file }, 'sst/wrong-file', { offset: 0, length: size, message, evidence });

/**
 * Tables that one batch brings in never overlap (pebble ingest.go `ingestSortAndVerify`): where two do, one is another one. One that is
 * like a table that was ingested otherwise may be a copy of that, or have been ingested twice.
 */
function checkCopies(
  database: Database,
  brought: readonly { table: Bounded; wal: string }[],
  tables: readonly TableFacts[],
): Finding[] {
  const { version } = database;
  const comparator = comparatorNamed(version?.columnFamilies.get(0)?.comparator);
  const isBefore = (a: Bounded, b: Bounded) => {
    const order = compareUserKeys(comparator, bare(a.largest), bare(b.smallest));
    return order === undefined || order < 0 || (order === 0 && isExclusiveEnd(a.largest));
  };
  const live = version?.columnFamilies.get(0)?.tables;
  const ingested = tables.filter(({ number = -1n }) => {
    const at = live?.get(number);
    return brought.length > 0 && at !== undefined && at.smallestSequence === at.largestSequence;
  });
  const byContent = new Map(ingested.map((table) => [contentOf(table), table]));
  return brought.flatMap(({ table, wal }, i) => {
    const content = contentOf(table);
    const like = byContent.get(content);
    byContent.set(content, table);
    const beside = brought.slice(0, i).find((other) => {
      const isApart = isBefore(other.table, table) || isBefore(table, other.table);
      return other.wal === wal && !isApart;
    })?.table;
    if (beside !== undefined) {
      const what = like === beside ? 'one is a copy of the other' : 'one is another table';
      return another(
        table,
        `${wal} brings it in together with ${beside.file}, and they overlap, as tables that are brought in together never do: ${what}, in the place of what was brought in`,
        { wal, other: beside.file },
      );
    }
    if (like === undefined) return [];
    const message = `${wal} brings the table in, and in size, bounds and totals it is ${like.file}: a copy of that in its place, or one table that was ingested twice`;
    return { ...another(table, message, { wal, other: like.file }), severity: 'warning' as const };
  });
}

const bare = (key: Uint8Array) => key.subarray(0, Math.max(0, key.length - KEY_TRAILER));

/** What a table holds, as far as facts tell: the sequences that the MANIFEST gives it left out. */
function contentOf({ size, entries, totals, stated }: TableFacts): string {
  const { first, last, ...sums } = totals ?? {};
  const keys = [first, last].map((key) => key && Buffer.from(key).toString('hex'));
  const properties = stated?.properties.map(({ name, value }) => `${name}=${value}`);
  return JSON.stringify([size, String(entries), keys, sums, properties]);
}
