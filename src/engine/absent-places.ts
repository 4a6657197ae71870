import { Cursor } from '../bytes/cursor.js';
import { shellWord } from '../finding/shell-word.js';
import { BATCH_HEADER } from '../format/batch/tags.js';
import { fileName } from '../format/filename.js';
import { LogParser } from '../format/log/parser.js';
import { readLog } from '../format/log/read.js';
import type { LiveTable, Version } from '../format/manifest/version.js';
import { type Inventory, type InventoryEntry, takeInventory } from '../io/inventory.js';
import { directoriesNearby } from '../io/nearby.js';
import { openSource } from '../io/source.js';
import type { NamedPlace, NamedPlaces } from './named-places.js';

/** A place that a database names and that could not be looked at: not mounted, moved, or not to be listed. */
export interface AbsentPlace {
  option: NamedPlace['option'];
  key: string;
  /** As the database names it; absent where only the MANIFEST's path ids tell that there is one. */
  directory?: string;
  /** The file that names it. */
  namedBy: string;
  /** Why it could not be looked at. */
  reason: string;
  /** Tables of the MANIFEST that must lie there. */
  tables: LiveTable[];
  /** Directories nearby that fit, the best first: their WALs connect by sequence, or their tables have the same number and size. */
  candidates: string[];
}

/** What the question is put to. */
interface Asked {
  target: string;
  inventory: Inventory;
  places: NamedPlaces;
  manifest: string | undefined;
  version: Version | undefined;
  walCutoff: bigint;
  /** db_paths were named by the user: a table that is in none of them is missing. */
  pathsKnown: boolean;
  /** Files of an archive have no neighbours. */
  archived: boolean;
  /** A copy that the engine made has its WALs with it, and keeps the OPTIONS of the original. */
  copied: boolean;
}

/** The named places that are absent and must hold files of the database. */
export async function absentPlaces(asked: Asked): Promise<AbsentPlace[]> {
  const absent: AbsentPlace[] = [];
  for (const wal of [asked.places.wal, asked.places.failover]) {
    if (wal?.reason === undefined || asked.copied) continue;
    const candidates = await fitting(asked, (inventory) => fitOfWals(inventory, asked));
    absent.push({ ...wal, reason: wal.reason, tables: [], candidates });
  }
  const elsewhere = tablesElsewhere(asked);
  for (const pathId of new Set(elsewhere.map((table) => table.pathId))) {
    const tables = elsewhere.filter((table) => table.pathId === pathId);
    const named = asked.places.tables.find((each) => each.pathId === pathId)?.place;
    const candidates = await fitting(asked, (inventory) => fitOfTables(inventory, tables));
    absent.push({
      option: 'db_paths',
      key: 'db_paths',
      ...(named && { directory: named.directory }),
      namedBy: named?.namedBy ?? asked.manifest ?? 'MANIFEST',
      reason: named?.reason ?? 'OPTIONS does not record it',
      tables,
      candidates,
    });
  }
  return absent;
}

/** Tables that are not here and lie, by the MANIFEST's path ids and what LOG says of these, in another directory. */
function tablesElsewhere({ version, inventory, places, pathsKnown }: Asked): LiveTable[] {
  if (version === undefined || pathsKnown) return [];
  const here = new Set(inventory.entries.filter((e) => e.kind === 'table').map((e) => e.number));
  const seen = new Set(inventory.unlistable.filter((e) => e.kind === 'table').map((e) => e.number));
  const absentFirst = places.tables.some(({ pathId, place }) => pathId === 0 && place.reason !== undefined);
  return [...version.columnFamilies.values()]
    .flatMap((family) => [...family.tables.values()])
    .filter(({ number }) => !here.has(number) && !seen.has(number))
    .filter(({ pathId }) => pathId > 0 || absentFirst);
}

/** Directories nearby that are no databases themselves and fit at all, the best first. */
async function fitting(asked: Asked, howWell: (inventory: Inventory) => Promise<number>): Promise<string[]> {
  if (asked.archived) return [];
  const found: { directory: string; fits: number }[] = [];
  for (const directory of await directoriesNearby(asked.target)) {
    const inventory = await takeInventory(directory).catch(() => undefined);
    if (inventory?.entries.some(({ kind }) => kind === 'current' || kind === 'manifest') !== false) continue;
    const fits = await howWell(inventory);
    if (fits > 0) found.push({ directory, fits });
  }
  return found.sort((a, b) => b.fits - a.fits).map(({ directory }) => directory);
}

async function fitOfTables({ entries }: Inventory, wanted: readonly LiveTable[]): Promise<number> {
  const sizes = new Map(entries.filter((e) => e.kind === 'table').map((e) => [e.number, e.size]));
  return wanted.filter(({ number, size }) => sizes.get(number) === Number(size)).length;
}

/**
 * How many of the logs that recovery would read connect to what the MANIFEST holds: the first of them begins no later than after
 * its last sequence. Logs that are empty, or that cannot be read, count by the numbers that the MANIFEST knows.
 */
async function fitOfWals({ entries }: Inventory, { version, walCutoff }: Asked): Promise<number> {
  const wals = entries
    .filter(({ kind, place, number = 0n }) => kind === 'wal' && place === 'database' && number >= walCutoff)
    .sort((a, b) => (a.number! < b.number! ? -1 : 1));
  if (version === undefined) return wals.length;
  const known = new Set([...version.columnFamilies.values()].map(({ logNumber }) => logNumber));
  for (const wal of wals) {
    const sequence = await firstSequence(wal);
    if (sequence !== undefined) return sequence <= (version.lastSequence ?? 0n) + 1n ? wals.length : 0;
  }
  return wals.filter(({ number }) => known.has(number!)).length;
}

/** The sequence of the first batch of a log. */
async function firstSequence({ source: descriptor, number }: InventoryEntry): Promise<bigint | undefined> {
  const source = await openSource(descriptor).catch(() => undefined);
  if (source === undefined) return undefined;
  try {
    let sequence: bigint | undefined;
    await readLog(new LogParser(source, { ...(number !== undefined && { number }) }), {
      record({ bytes, start, end }) {
        if (end - start >= BATCH_HEADER) sequence = new Cursor(bytes, start).u64();
        return 'stop';
      },
      damage: () => 'stop',
    });
    return sequence;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return undefined;
  } finally {
    await source.close();
  }
}

/** `wal_dir /x/wal, which OPTIONS-000007 names: it is not there`. */
export function absentText({ option, key, directory, namedBy, reason, tables }: AbsentPlace): string {
  if (option === 'wal_dir')
    return `${key} ${directory}, which ${namedBy} names, could not be looked at: ${reason}; what its WALs hold is not known`;
  const files = tables.length === 1 ? fileName('table', tables[0].number) : `${tables.length} tables`;
  const path = `db_path or cf_path ${tables[0]?.pathId ?? 0}`;
  const place = directory === undefined ? path : `${path}, ${directory},`;
  return `${files} of ${namedBy} lie${tables.length === 1 ? 's' : ''} in ${place} which could not be looked at: ${reason}`;
}

/** The same with the option that says where it is, as every command that had to do without it says so. */
export function absentReason(place: AbsentPlace, target: string): string {
  return `${absentText(place)}; ${optionFor(place, target)} says where it is`;
}

/** The option that says where it is, with a directory nearby that fits, or a placeholder. */
export function optionFor({ option, candidates, tables }: AbsentPlace, target: string): string {
  const [found] = candidates;
  const where = found === undefined ? 'DIR' : shellWord(found);
  if (option === 'wal_dir') return `--wal-dir ${where}`;
  const first = (tables[0]?.pathId ?? 0) > 0 ? `--db-path ${shellWord(target)} ` : '';
  return `${first}--db-path ${where}`;
}
