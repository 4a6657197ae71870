import { statedEntries } from '../check/cross/sequences-held.js';
import { checkTable } from '../check/sst/table.js';
import { tableContext } from '../check/sst/table-context.js';
import type { TableFacts, UnitFacts, UnitResult } from '../check/unit.js';
import { type Database, filesOf } from '../engine/database.js';
import type { LiveTable } from '../format/manifest/version.js';
import { comparatorNamed } from '../format/sst/comparator.js';
import { readDataBlocks } from '../format/sst/data-blocks.js';
import { openTable } from '../format/sst/table.js';
import type { InventoryEntry } from '../io/inventory.js';
import type { OpenSource } from '../io/source.js';

/** A table that is there and whole, described as a MANIFEST would. */
export interface FoundTable {
  entry: InventoryEntry;
  live: LiveTable;
  columnFamilyName?: string;
  comparator: string;
  databaseId?: string;
  /** The session of the engine that wrote it. */
  session?: string;
  /** The number that it was written under, as it says itself. */
  writtenAs?: bigint;
  entries: number;
  /** Written to be ingested. */
  ingested: boolean;
  /** The sequence that all of its entries have was told by an edit alone. */
  sequenceLost: boolean;
  /** It has an entry for each sequence from its first to its last. */
  isDense: boolean;
  /** Blob files that its entries refer to, to where the last of its values there ends. */
  blobFiles: ReadonlyMap<bigint, bigint>;
}

/** The database id of a table that SstFileWriter made (rocksdb table/sst_file_writer.cc). */
export const INGESTED = 'SST Writer';

/** Entries that are kept in memory of all tables together, to tell tables of one content apart. */
const MOST_ENTRIES = 20_000_000;

/**
 * Reads every table of the database's own directories and, under numbers that these lack, of lost/. Those that are damaged or
 * say too little of themselves are left out.
 */
export async function findTables(
  database: Database,
  known: ReadonlyMap<string, UnitFacts> = new Map(),
): Promise<FoundTable[]> {
  const found: FoundTable[] = [];
  const { inventory } = database;
  const own = inventory.entries.filter(({ place }) => place === 'database' || place === 'db-path');
  const taken = new Set(own.filter(({ kind }) => kind === 'table').map(({ number }) => number));
  const lost = inventory.entries.filter(({ place, number }) => place === 'lost' && !taken.has(number));
  for (const entry of [...own, ...lost]) {
    if (entry.kind !== 'table' || entry.number === undefined) continue;
    const facts = factsOf(known.get(entry.file)) ?? (await read(entry, database));
    const live = facts && describe(facts, entry);
    if (facts === undefined || live === undefined) continue;
    found.push({
      entry,
      live,
      ...(facts.columnFamilyName !== undefined && { columnFamilyName: facts.columnFamilyName }),
      comparator: comparing(database).comparator ?? facts.comparator ?? '',
      ...(facts.databaseId !== undefined && { databaseId: facts.databaseId }),
      ...(facts.sessionId !== undefined && { session: facts.sessionId }),
      ...(facts.originalFileNumber !== undefined && { writtenAs: facts.originalFileNumber }),
      entries: Number(facts.entries ?? facts.totals?.points ?? 0),
      ingested: facts.stated?.globalSequence !== undefined,
      sequenceLost: facts.stated?.globalSequence === 0n,
      isDense: isDense(facts, live),
      blobFiles: new Map(
        facts.blobReferences.filter(({ number }) => number > 0n).map(({ number, to }) => [number, to]),
      ),
    });
  }
  if (database.dialect === 'rocksdb') numberAsWritten(found);
  return found.sort((a, b) => (a.live.number < b.live.number ? -1 : 1));
}

/**
 * Gives tables that lie under each other's names their own numbers, as they say them. What was ingested was written under another one.
 */
function numberAsWritten(found: readonly FoundTable[]): void {
  const isMisplaced = ({ live, writtenAs, ingested }: FoundTable) =>
    writtenAs !== undefined && writtenAs > 0n && !ingested && writtenAs !== live.number;
  const misplaced = new Map(found.filter(isMisplaced).map((table) => [table.live.number, table]));
  for (const [number, table] of [...misplaced]) {
    const other = misplaced.get(table.writtenAs!);
    if (other?.writtenAs === number && other.databaseId === table.databaseId)
      table.live.number = table.writtenAs!;
  }
}

function isDense({ stated, totals }: TableFacts, { smallestSequence, largestSequence }: LiveTable): boolean {
  const { isPoints } = statedEntries(stated);
  return isPoints && BigInt(totals?.points ?? 0) === largestSequence - smallestSequence + 1n;
}

/** LevelDB's tables do not say in which order their keys stand: the MANIFEST does. */
export function comparing({ dialect, version, impliedComparator }: Database): { comparator?: string } {
  const comparator =
    dialect === 'leveldb' ? version?.columnFamilies.get(0)?.comparator || impliedComparator : undefined;
  return comparator ? { comparator } : {};
}

/** Facts that every entry of an undamaged table went into. */
function factsOf(facts: UnitFacts | undefined): TableFacts | undefined {
  const whole = facts?.kind === 'table' && facts.totals?.complete === true && (facts.errors ?? 0) === 0;
  return whole ? facts : undefined;
}

async function read(entry: InventoryEntry, database: Database): Promise<TableFacts | undefined> {
  const { findings, facts } = await checked(entry, database);
  if (facts.kind !== 'table' || findings.some(({ severity }) => severity === 'error')) return undefined;
  return facts;
}

/** Why kvdoctor does not read a table of which nothing is known to be wrong. */
export async function reasonNotRead(entry: InventoryEntry, database: Database): Promise<string | undefined> {
  if (await isOtherwiseOrdered(entry, database))
    return 'its keys are not in bytewise order, and what order they are in only the MANIFEST told';
  const { findings, unchecked } = await checked(entry, database);
  return findings.some(({ severity }) => severity === 'error') ? undefined : unchecked[0]?.reason;
}

/** A table of LevelDB is not in bytewise order, and no MANIFEST tells of another one. */
export async function isOtherwiseOrdered(entry: InventoryEntry, database: Database): Promise<boolean> {
  if (database.dialect !== 'leveldb' || comparing(database).comparator !== undefined) return false;
  const { findings } = await checked(entry, database);
  return findings.some(({ rule }) => rule === 'sst/key-order');
}

async function checked(entry: InventoryEntry, database: Database): Promise<UnitResult> {
  const source = await filesOf(database).open(entry.source);
  try {
    return await checkTable(source, {
      ...tableContext(database, entry),
      ...comparing(database),
      depth: 'full',
    });
  } finally {
    await source.close();
  }
}

function describe(facts: TableFacts, entry: InventoryEntry): LiveTable | undefined {
  const { smallest, largest, smallestSequence, largestSequence, columnFamily, uniqueId } = facts;
  if (smallest === undefined || largest === undefined) return undefined;
  const blobs = facts.blobReferences.map(({ number }) => number).filter((number) => number > 0n);
  const oldestBlobFile = blobs.reduce<bigint | undefined>(
    (a, b) => (a === undefined || b < a ? b : a),
    undefined,
  );
  return {
    columnFamily: columnFamily ?? 0,
    level: 0,
    number: entry.number!,
    pathId: entry.pathId ?? 0,
    size: BigInt(entry.size),
    smallest,
    largest,
    smallestSequence: smallestSequence ?? 0n,
    largestSequence: largestSequence ?? 0n,
    ...(uniqueId && { uniqueId }),
    ...(oldestBlobFile !== undefined && { oldestBlobFile }),
    addedAt: 0,
    entry: { offset: 0, length: 0 },
  };
}

/** What a table holds, by user key (one character a byte): versions with a mark of their value. */
export type Contents = Map<string, { sequence: bigint; type: number; value: string }[]>;

/** Reads what tables hold, for comparison. `undefined` where that is more than memory should hold. */
export async function contentsOf(
  tables: readonly FoundTable[],
  open: OpenSource,
): Promise<Map<bigint, Contents> | undefined> {
  if (tables.reduce((sum, { entries }) => sum + entries, 0) > MOST_ENTRIES) return undefined;
  const all = new Map<bigint, Contents>();
  for (const { entry, live, comparator } of tables) {
    const contents: Contents = new Map();
    const source = await open(entry.source);
    try {
      const table = await openTable(source, { comparator: comparatorNamed(comparator || undefined).name });
      for await (const block of readDataBlocks(table, live.largestSequence || undefined)) {
        for (const { key, sequence, type, value } of block.entries()) {
          const name = Buffer.from(key).toString('latin1');
          const version = { sequence, type, value: mark(value) };
          const versions = contents.get(name);
          if (versions === undefined) contents.set(name, [version]);
          else versions.push(version);
        }
      }
    } finally {
      await source.close();
    }
    all.set(live.number, contents);
  }
  return all;
}

/** Long values by their ends and length: enough to tell one from another. */
export function mark(value: Uint8Array): string {
  const text = Buffer.from(value.buffer, value.byteOffset, value.length);
  if (text.length <= 48) return text.toString('latin1');
  return `${text.length}:${text.toString('latin1', 0, 24)}${text.toString('latin1', text.length - 24)}`;
}
