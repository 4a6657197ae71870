import type { Database } from '../../engine/database.js';
import { SNIFF_BYTES, sniffFile } from '../../engine/file-type.js';
import type { Finding } from '../../finding/finding.js';
import { findingAt, placeOf } from '../../finding/finding-at.js';
import { type DialectName, dialectNamed } from '../../format/dialect.js';
import { walNumberIn } from '../../format/filename.js';
import { decodePhysicalHeader } from '../../format/log/physical.js';
import { readHead, readTail } from '../../io/head.js';
import type { InventoryEntry } from '../../io/inventory.js';
import { openSource } from '../../io/source.js';
import { type HeldSpan, spanOfTable, spanOfWal } from '../sequence-spans.js';
import type { UnitFacts } from '../unit.js';
import { checkWal } from '../wal/wal.js';

/** Files of strange names that are looked into. */
const MOST = 256;

const engines = { rocksdb: 'RocksDB', leveldb: 'LevelDB', pebble: 'Pebble' } as const;
const kinds = { wal: 'log', table: 'table', blob: 'blob file', manifest: 'MANIFEST' } as const;

/**
 * Files that are an engine's own by their bytes and under names that it does not read. A log among them that holds what nothing else does is
 * damage: what was written to it is gone when the engine opens. `facts`: of the files that have been read; without them nothing is judged.
 */
export async function checkRenamedFiles(
  database: Database,
  facts: ReadonlyMap<string, UnitFacts> | undefined,
): Promise<Finding[]> {
  const strange = database.inventory.entries.filter(
    ({ kind, place, size, source }) =>
      kind === 'other' &&
      (place === 'database' || place === 'wal-dir') &&
      size > 0 &&
      // members of a compressed archive cannot be read a second time
      source.kind !== 'archived',
  );
  const findings: Finding[] = [];
  for (const entry of strange.slice(0, MOST)) {
    const sniffed = await sniff(entry);
    if (sniffed === undefined || !(sniffed.kind in kinds)) continue;
    const kind = sniffed.kind as keyof typeof kinds;
    const number = kind === 'wal' ? walNumberIn(entry.name) : undefined;
    const span = kind === 'wal' ? await spanOfLog(entry, database) : undefined;
    const what = number === undefined ? `a ${kinds[kind]}` : `log ${number}`;
    const held = span === undefined ? '' : `, with sequences ${span.first} to ${span.last}`;
    const lost =
      span !== undefined && facts !== undefined ? losing(span, number, database, facts) : undefined;
    findings.push(
      findingAt(placeOf(entry), 'directory/renamed-file', {
        ...(lost && { severity: lost, offset: 0, length: entry.size }),
        message: `it ${sniffed.evidence} and looks like ${what}${held}${lost ? ', which nothing else here holds' : ''}; ${engines[database.dialect]} neither reads nor deletes a file of this name`,
        evidence: {
          looksLike: kinds[kind],
          ...(number !== undefined && { number: String(number) }),
          ...(span && { firstSequence: String(span.first), lastSequence: String(span.last) }),
        },
      }),
    );
  }
  return findings;
}

async function sniff({ source }: InventoryEntry) {
  try {
    return sniffFile(await readHead(source, SNIFF_BYTES), await readTail(source, 8));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return undefined;
  }
}

/** The number of its log that the first record of a file bears; `undefined` where records bear none. */
export async function numberBorne(
  { source }: InventoryEntry,
  dialect: DialectName,
): Promise<bigint | undefined> {
  const head = await readHead(source, SNIFF_BYTES).catch(() => new Uint8Array(0));
  const number = decodePhysicalHeader(head, 0, head.length, dialectNamed(dialect).wal)?.logNumber;
  return number === undefined ? undefined : BigInt(number);
}

/**
 * The sequences that a log holds, whatever its name; `undefined` where it is none, or holds none. Records that bear the number of their
 * log are taken by that of the first one.
 */
export async function spanOfLog(
  entry: InventoryEntry,
  { dialect, options }: Pick<Database, 'dialect' | 'options'>,
): Promise<HeldSpan | undefined> {
  const head = await readHead(entry.source, SNIFF_BYTES).catch(() => new Uint8Array(0));
  if (entry.kind !== 'wal' && sniffFile(head, new Uint8Array(0))?.kind !== 'wal') return undefined;
  const number = (await numberBorne(entry, dialect)) ?? BigInt(walNumberIn(entry.name) ?? 0);
  const source = await openSource(entry.source);
  try {
    const { facts } = await checkWal(source, {
      ...{ dialect, file: entry.file, number, depth: 'checksums' },
      recycling: options.recycleLogFileNum > 0,
    });
    return facts.kind === 'wal' ? spanOfWal(facts) : undefined;
  } finally {
    await source.close();
  }
}

/**
 * An error where the log runs on from what is here, under a number that recovery would read; a warning where it only goes further than
 * everything else: it may be another database's.
 */
function losing(
  { first, last }: HeldSpan,
  number: bigint | undefined,
  { version, walCutoff }: Database,
  facts: ReadonlyMap<string, UnitFacts>,
): 'error' | 'warning' | undefined {
  const all = [...facts.values()];
  const spans = all.flatMap((fact) =>
    fact.kind === 'wal' ? (spanOfWal(fact) ?? []) : fact.kind === 'table' ? (spanOfTable(fact) ?? []) : [],
  );
  const flushed = version?.lastSequence ?? 0n;
  const isHere = all.some((fact) => fact.kind === 'wal' && fact.number === number && fact.size > 0);
  const from = firstBeyond({ first, last }, spans);
  if (from === undefined || isHere || last <= flushed) return undefined;
  const runsOn =
    from > first || [flushed, ...spans.map((span) => span.last)].some((end) => end + 1n === first);
  return runsOn && number !== undefined && number >= walCutoff ? 'error' : 'warning';
}

/** The first sequence of a span that no other one has. */
function firstBeyond({ first, last }: HeldSpan, spans: readonly HeldSpan[]): bigint | undefined {
  let at = first;
  for (const span of spans.toSorted((a, b) => (a.first < b.first ? -1 : 1)))
    if (span.first <= at && span.last >= at) at = span.last + 1n;
  return at > last ? undefined : at;
}
