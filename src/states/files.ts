import { holdEvery, statedEntries } from '../check/cross/sequences-held.js';
import { checkTable } from '../check/sst/table.js';
import { tableContext } from '../check/sst/table-context.js';
import type { TableFacts } from '../check/unit.js';
import { type Database, filesOf } from '../engine/database.js';
import type { ColumnFamily, LiveBlobFile, LiveTable } from '../format/manifest/version.js';
import { magicAt } from '../format/sst/footer.js';
import { readTail } from '../io/head.js';
import type { InventoryEntry } from '../io/inventory.js';

import { comparing } from './tables.js';
import type { SequenceSpan } from './wals.js';

/** Header and footer of a blob file, bytes. */
const BLOB_FRAME = 62n;

/** Bytes of the number that a table ends with. */
const MAGIC = 8;

/** Bytes of the end of a table by which it is known again. */
const TELLING = 4096;

/** What a table says of itself. */
interface Identity {
  uniqueId?: Uint8Array;
  entries: bigint;
  isPoints: boolean;
  /** Of all that can be read of it; absent where the MANIFEST says it. */
  sequences?: Pick<LiveTable, 'smallestSequence' | 'largestSequence'>;
}

/**
 * Which table or blob file of a version is here: under its number and size, in lost/ too, or under another name with its
 * unique id.
 */
export class FilesHere {
  private readonly tables = new Map<bigint, InventoryEntry[]>();
  private readonly blobs = new Map<bigint, InventoryEntry>();
  private readonly identities = new Map<InventoryEntry, Identity>();
  private readonly byId = new Map<string, InventoryEntry>();

  private readonly isLevelDb: boolean;

  private constructor({ inventory, dialect }: Database) {
    this.isLevelDb = dialect === 'leveldb';
    const order = ['database', 'db-path', 'lost'];
    const entries = inventory.entries
      .filter(({ place, number }) => order.includes(place) && number !== undefined)
      .sort((a, b) => order.indexOf(a.place) - order.indexOf(b.place));
    for (const entry of entries) {
      const number = entry.number!;
      if (entry.kind === 'table') this.tables.set(number, [...(this.tables.get(number) ?? []), entry]);
      else if (entry.kind === 'blob' && entry.place !== 'lost') this.blobs.set(number, entry);
    }
  }

  /** Reads what tables say of themselves: their metadata; no data blocks, unless LevelDB wrote them. */
  static async of(database: Database): Promise<FilesHere> {
    const files = new FilesHere(database);
    for (const entry of [...[...files.tables.values()].flat(), ...(await strangeTables(database))]) {
      const facts = await statementOf(entry, database);
      if (facts === undefined) continue;
      const { uniqueId, stated } = facts;
      const said = statedEntries(stated);
      const entries = said.entries === 0n ? BigInt(facts.totals?.points ?? 0) : said.entries;
      const sequences = database.dialect === 'leveldb' ? sequencesOf(facts) : undefined;
      files.identities.set(entry, {
        ...(uniqueId && { uniqueId }),
        entries,
        isPoints: said.isPoints,
        ...(sequences && { sequences }),
      });
      if (uniqueId !== undefined) files.byId.set(idText(uniqueId), entry);
    }
    return files;
  }

  table({ number, size, uniqueId }: LiveTable): InventoryEntry | undefined {
    for (const entry of this.tables.get(number) ?? []) {
      if (BigInt(entry.size) !== size) continue;
      const own = this.identities.get(entry)?.uniqueId;
      if (uniqueId === undefined || own === undefined || idText(own) === idText(uniqueId)) return entry;
    }
    // LevelDB reads a table up to where the MANIFEST says that it ends; its RepairDB threw away one with bytes after that
    const longer = this.tables
      .get(number)
      ?.find((entry) => entry.place === 'lost' && BigInt(entry.size) > size);
    if (this.isLevelDb && longer !== undefined) return longer;
    const renamed = uniqueId && this.byId.get(idText(uniqueId));
    return renamed !== undefined && BigInt(renamed.size) === size ? renamed : undefined;
  }

  /** Fills in what LevelDB's MANIFEST does not say of a table, and the table does. */
  learn(live: LiveTable): void {
    const entry = this.table(live);
    const sequences = entry && this.identities.get(entry)?.sequences;
    if (sequences !== undefined) Object.assign(live, sequences);
  }

  /** A file of any size has the number: it may be damaged, but it exists. */
  remains({ number }: LiveTable): boolean {
    return this.tables.get(number)?.some(({ size, place }) => size > 0 && place !== 'lost') ?? false;
  }

  blob({ number, totalBytes }: LiveBlobFile): InventoryEntry | undefined {
    const entry = this.blobs.get(number);
    return entry !== undefined && BigInt(entry.size) === totalBytes + BLOB_FRAME ? entry : undefined;
  }

  /** Tables refer to a blob file that is here and that their version does not name: none of their values in it can be read. */
  isUnlinked({ oldestBlobFile }: LiveTable, { blobFiles }: ColumnFamily): boolean {
    return oldestBlobFile !== undefined && this.blobs.has(oldestBlobFile) && !blobFiles.has(oldestBlobFile);
  }

  /** Entries of a table that is here, as its properties count them. */
  entriesOf(entry: InventoryEntry): number {
    return Number(this.identities.get(entry)?.entries ?? 0);
  }

  /** The live tables that are here hold every sequence number of a span. `false`: that cannot be told. */
  holdEvery(span: SequenceSpan, tables: readonly LiveTable[]): boolean {
    return holdEvery(
      span,
      tables.flatMap((table) => {
        const entry = this.table(table);
        const identity = entry && this.identities.get(entry);
        return identity === undefined ? [] : [{ ...identity, ...table }];
      }),
    );
  }
}

/** Tables under names that are no table's, as after a move out of the way; looked for only where a table is missing. */
async function strangeTables({ inventory, version }: Database): Promise<InventoryEntry[]> {
  const named = new Set(inventory.entries.filter(({ kind }) => kind === 'table').map(({ number }) => number));
  const lacking = [...(version?.columnFamilies.values() ?? [])].flatMap(({ tables }) =>
    [...tables.values()].filter(({ number }) => !named.has(number)),
  );
  const sizes = new Set(lacking.map(({ size }) => size));
  const found: InventoryEntry[] = [];
  for (const entry of inventory.entries) {
    const { kind, place, size, source } = entry;
    if ((kind !== 'other' && kind !== 'trash') || place !== 'database' || !sizes.has(BigInt(size))) continue;
    const tail = await readTail(source, MAGIC).catch(() => undefined);
    if (tail !== undefined && magicAt(tail, tail.length) !== undefined) found.push(entry);
  }
  return found;
}

/** Tables under names that are no table's and that are no copy of one that has its name. */
export async function tablesOfOtherNames({ inventory }: Database): Promise<InventoryEntry[]> {
  const { entries } = inventory;
  const found: InventoryEntry[] = [];
  for (const entry of entries) {
    const { kind, place, size, source } = entry;
    if (kind !== 'other' || place !== 'database' || size === 0 || source.kind === 'archived') continue;
    const end = await endOf(entry);
    if (magicAt(end, end.length) === undefined) continue;
    const alike = entries.filter((other) => other.kind === 'table' && other.size === size);
    const ends = await Promise.all(alike.map(endOf));
    if (!ends.some((other) => Buffer.compare(other, end) === 0)) found.push(entry);
  }
  return found;
}

/** Footer, index and properties: two tables that end alike are one. */
function endOf({ source }: InventoryEntry): Promise<Uint8Array> {
  return readTail(source, TELLING).catch(() => new Uint8Array(0));
}

async function statementOf(entry: InventoryEntry, database: Database): Promise<TableFacts | undefined> {
  if (entry.size === 0) return undefined;
  try {
    const source = await filesOf(database).open(entry.source);
    try {
      const { facts } = await checkTable(source, {
        ...tableContext(database, entry),
        ...comparing(database),
        // LevelDB's tables have no properties: what they hold has to be counted
        depth: database.dialect === 'leveldb' ? 'full' : 'structure',
      });
      return facts.kind === 'table' && facts.readable ? facts : undefined;
    } finally {
      await source.close();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return undefined;
  }
}

function sequencesOf({ smallestSequence, largestSequence }: TableFacts): Identity['sequences'] {
  return smallestSequence === undefined || largestSequence === undefined
    ? undefined
    : { smallestSequence, largestSequence };
}

function idText(id: Uint8Array): string {
  return Buffer.from(id).toString('latin1');
}

/** Whether there is a table of that number that is not empty, the one that is meant or another. */
export function isNumberTaken({ inventory }: Database, number: bigint): boolean {
  return inventory.entries.some(
    (entry) => entry.kind === 'table' && entry.number === number && entry.size > 0,
  );
}
