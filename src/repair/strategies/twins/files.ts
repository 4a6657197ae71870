import type { SourceDescriptor } from '../../../bytes/source.js';
import { checkFile } from '../../../check/check-file.js';
import { isCrc32c } from '../../../check/sst/manifest.js';
import type { UnitResult } from '../../../check/unit.js';
import type { Database } from '../../../engine/database.js';
import { BLOB } from '../../../format/blob/layout.js';
import { dialectNamed } from '../../../format/dialect.js';
import { fileName } from '../../../format/filename.js';
import type { LiveBlobFile, LiveTable } from '../../../format/manifest/version.js';
import type { InventoryEntry } from '../../../io/inventory.js';
import { openSource } from '../../../io/source.js';
import { liveBlobs, liveTables, unitFor } from '../../../scan/plan.js';
import { type FilePlace, tableName, tableRoot, walRoot } from '../../place.js';
import { isEqual } from './composition.js';
import { isSameLife } from './life.js';
import type { Part, TwinCheck } from './mend.js';
import type { SecondSource, TwinFile } from './sources.js';
import { blobUnits, logUnits, tableUnits } from './units.js';

/** Bytes of a log that hold a whole batch at least: a log that holds none is the same in every life. */
const LEAST_SHARED = 32;

/** A part, and which files of a source may be its twin. */
export interface Sought {
  part: Part;
  own?: InventoryEntry;
  isTwin(entry: InventoryEntry, source: SecondSource): boolean;
}

function placeOf({ file, root }: InventoryEntry): FilePlace {
  return root === undefined ? { path: file } : { path: file, root };
}

/** Checks any bytes as if they stood in place of a file of the database. */
function checker(database: Database, like: InventoryEntry) {
  const unitOf = unitFor(database, 'full');
  return async (descriptor: SourceDescriptor, size: number): Promise<UnitResult> => {
    const source = await openSource(descriptor);
    try {
      return await checkFile(unitOf({ ...like, source: descriptor, size }, 0)!, source);
    } finally {
      await source.close();
    }
  };
}

function checkedOf({ findings, unchecked, facts }: UnitResult): TwinCheck {
  const bad = findings.filter(({ severity }) => severity !== 'note');
  const damage = bad.flatMap(({ offset, length = 0 }) =>
    offset === undefined || (offset === 0 && length >= facts.size) ? [] : [{ offset, length }],
  );
  return {
    clean: bad.length === 0 && unchecked.length === 0,
    problems: bad.length + unchecked.length,
    damage,
  };
}

/** What a file would be called that is not there. */
function absentEntry(
  database: Database,
  kind: 'table' | 'blob' | 'wal',
  { number, pathId = 0 }: { number: bigint; pathId?: number },
  known?: string,
): InventoryEntry {
  const { inventory, target } = database;
  const name = known ?? (kind === 'table' ? tableName(inventory, number) : fileName(kind, number));
  const root = kind === 'wal' ? walRoot(inventory) : tableRoot(inventory, pathId);
  const outside = root !== undefined && root !== target;
  return {
    kind,
    number,
    name,
    file: name,
    ...(outside && { root }),
    source: { kind: 'memory', bytes: new Uint8Array(0) },
    place: outside ? (kind === 'wal' ? 'wal-dir' : 'db-path') : 'database',
    size: 0,
    mtimeMs: 0,
    allocated: 0,
  };
}

const usual = ({ place, suffix }: InventoryEntry) =>
  place !== 'archive' && place !== 'lost' && suffix === undefined;

function ownEntry({ inventory }: Database, kind: string, number: bigint): InventoryEntry | undefined {
  return inventory.entries.find((entry) => entry.kind === kind && entry.number === number && usual(entry));
}

/** Live tables of which a scan found something, or that are not there. */
export async function soughtTables(
  database: Database,
  sources: readonly SecondSource[],
  isFaulty: (entry: InventoryEntry) => boolean,
): Promise<Sought[]> {
  const sought: Sought[] = [];
  for (const { table } of liveTables(database).values()) {
    const own = ownEntry(database, 'table', table.number);
    if (own === undefined || own.size !== Number(table.size) || isFaulty(own))
      sought.push(await tablePart(database, table, own, sources));
  }
  return sought;
}

async function tablePart(
  database: Database,
  live: LiveTable,
  own: InventoryEntry | undefined,
  sources: readonly SecondSource[],
): Promise<Sought> {
  // tables of LevelDB have two endings
  const names = sources.flatMap((source) => ownEntry(source.database, 'table', live.number)?.name ?? []);
  const entry = own ?? absentEntry(database, 'table', live, names[0]);
  const run = checker(database, entry);
  let id = live.uniqueId;
  const check = async (descriptor: SourceDescriptor, size: number): Promise<TwinCheck> => {
    const result = await run(descriptor, size);
    const { facts, findings } = result;
    const found = facts.kind === 'table' ? facts.uniqueId : undefined;
    const checked = checkedOf(result);
    const isOther =
      findings.some(({ rule }) => rule === 'sst/wrong-file') ||
      (id !== undefined && found !== undefined && Buffer.compare(id, found) !== 0);
    const proven = (id !== undefined && found !== undefined) || (isCrc32c(live) && checked.clean);
    if (isOther) return { ...checked, identity: 'other' };
    return proven ? { ...checked, identity: 'proven' } : checked;
  };
  let mine: Part['own'];
  if (own !== undefined && own.size > 0) {
    const first = await run(own.source, own.size);
    // a table of a writer that left no id in the MANIFEST tells its own
    if (first.facts.kind === 'table' && !first.findings.some(({ rule }) => rule === 'sst/wrong-file'))
      id ??= first.facts.uniqueId;
    mine = { size: own.size, checked: await check(own.source, own.size) };
  }
  const part: Part = {
    ...placeOf(entry),
    ...(mine && { own: mine }),
    size: Number(live.size),
    loose: false,
    check,
    units: (source) => tableUnits(source, database.dialect),
    whole: async (twin, checked) => {
      if (checked.identity === 'proven') return 'its identity is the one that the MANIFEST has of it';
      const gone = mine === undefined || mine.checked.identity === 'other';
      const its = liveTables(twin.source.database).get(live.number)?.table;
      return gone && its !== undefined && isSameEntry(live, its)
        ? 'its number, size, bounds and sequences are those of the MANIFEST, here and in the source: the table has no id that would prove more'
        : undefined;
    },
  };
  const isTwin = (each: InventoryEntry) =>
    each.kind === 'table' && each.place !== 'archive' && each.number === live.number;
  return { part, ...(own && { own }), isTwin };
}

/** Whether two MANIFESTs say the same of a table. */
function isSameEntry(a: LiveTable, b: LiveTable): boolean {
  return (
    a.size === b.size &&
    a.smallestSequence === b.smallestSequence &&
    a.largestSequence === b.largestSequence &&
    Buffer.compare(a.smallest, b.smallest) === 0 &&
    Buffer.compare(a.largest, b.largest) === 0
  );
}

/** Live blob files of which a scan found something, or that are not there. */
export async function soughtBlobs(
  database: Database,
  isFaulty: (entry: InventoryEntry) => boolean,
): Promise<Sought[]> {
  const sought: Sought[] = [];
  for (const live of liveBlobs(database).values()) {
    const own = ownEntry(database, 'blob', live.number);
    if (own === undefined || own.size !== blobSize(live) || isFaulty(own))
      sought.push(await blobPart(database, live, own));
  }
  return sought;
}

function blobSize({ totalBytes }: LiveBlobFile): number {
  return Number(totalBytes) + BLOB.headerLength + BLOB.footerLength;
}

async function blobPart(
  database: Database,
  live: LiveBlobFile,
  own: InventoryEntry | undefined,
): Promise<Sought> {
  const entry = own ?? absentEntry(database, 'blob', live);
  const run = checker(database, entry);
  const check = async (descriptor: SourceDescriptor, size: number): Promise<TwinCheck> => {
    const checked = checkedOf(await run(descriptor, size));
    const proven = checked.clean && live.checksumMethod === 'FileChecksumCrc32c';
    return proven ? { ...checked, identity: 'proven' } : checked;
  };
  const part: Part = {
    ...placeOf(entry),
    ...(own && own.size > 0 && { own: { size: own.size, checked: await check(own.source, own.size) } }),
    size: blobSize(live),
    loose: false,
    check,
    units: blobUnits,
    whole: async (twin, checked) => {
      if (checked.identity === 'proven') return 'its checksum is the one that the MANIFEST has of it';
      return (await namesSameBlob(database, twin, live))
        ? 'a table that is in both, by its unique id, names it'
        : undefined;
    },
  };
  const isTwin = (each: InventoryEntry) => each.kind === 'blob' && each.number === live.number;
  return { part, ...(own && { own }), isTwin };
}

/** Blob files have no ids. A table has one, is never changed, and names the blob files of the life that it is of. */
async function namesSameBlob(database: Database, { source }: TwinFile, live: LiveBlobFile): Promise<boolean> {
  const its = liveBlobs(source.database).get(live.number);
  if (its?.totalBytes !== live.totalBytes || its.totalCount !== live.totalCount) return false;
  const theirs = liveTables(source.database);
  for (const { table } of liveTables(database).values()) {
    const other = theirs.get(table.number)?.table;
    if (table.uniqueId === undefined || other?.uniqueId === undefined) continue;
    if (Buffer.compare(table.uniqueId, other.uniqueId) !== 0) continue;
    if (table.oldestBlobFile === undefined || table.oldestBlobFile > live.number) continue;
    for (const from of [database, source.database]) {
      const entry = ownEntry(from, 'table', table.number);
      if (entry === undefined) continue;
      const { facts } = await checker(from, entry)(entry.source, entry.size);
      if (facts.kind === 'table' && facts.blobReferences.some(({ number }) => number === live.number))
        return true;
    }
  }
  return false;
}

/** Live WALs of which a scan found something, that are shorter than in a source, or that are not there. */
export async function soughtWals(
  database: Database,
  sources: readonly SecondSource[],
  isFaulty: (entry: InventoryEntry) => boolean,
): Promise<Sought[]> {
  const sizes = new Map<bigint, number>();
  for (const source of sources)
    for (const { kind, number, size, ...rest } of source.database.inventory.entries)
      if (kind === 'wal' && number !== undefined && usual({ kind, number, size, ...rest }))
        sizes.set(number, Math.max(size, sizes.get(number) ?? 0));
  for (const { kind, number } of database.inventory.entries)
    if (kind === 'wal' && number !== undefined && !sizes.has(number)) sizes.set(number, 0);
  const sought: Sought[] = [];
  for (const [number, size] of [...sizes].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (number < database.walCutoff) continue;
    const own = ownEntry(database, 'wal', number);
    const sound = own !== undefined && own.size >= size && !isFaulty(own);
    if (!sound || (await isOtherLog(own, sources)))
      sought.push(await walPart(database, number, own, sources));
  }
  return sought;
}

async function walPart(
  database: Database,
  number: bigint,
  own: InventoryEntry | undefined,
  sources: readonly SecondSource[],
): Promise<Sought> {
  const entry = own ?? absentEntry(database, 'wal', { number });
  const run = checker(database, entry);
  const check = async (descriptor: SourceDescriptor, size: number): Promise<TwinCheck> => {
    const result = await run(descriptor, size);
    const { end = 0 } = result.facts.kind === 'wal' ? result.facts : {};
    const cleanEnd = result.facts.kind === 'wal' && ['clean', 'closed'].includes(result.facts.tail);
    return { ...checkedOf(result), end: cleanEnd ? size : end };
  };
  const mine =
    own && own.size > 0 ? { size: own.size, checked: await check(own.source, own.size) } : undefined;
  // nothing in a log tells its number
  if (mine !== undefined && own !== undefined && (await isOtherLog(own, sources)))
    mine.checked.identity = 'other';
  const part: Part = {
    ...placeOf(entry),
    ...(mine && { own: mine }),
    loose: true,
    check,
    units: (source) => logUnits(source, dialectNamed(database.dialect).wal),
    whole: async (twin) => {
      if (!(await isSameLife(database, twin.source))) return undefined;
      if (await fitsBefore(database, number, twin)) return 'it ends where the next WAL begins';
      if (await standsElsewhere(database, twin)) return 'it stands here under the number of another WAL';
      return (await sharesLater(database, number, twin.source))
        ? 'the WALs that were begun later are the same here and in the source'
        : undefined;
    },
    sameLife: (twin) => isSameLife(database, twin.source),
  };
  const isTwin = (each: InventoryEntry) => each.kind === 'wal' && each.number === number;
  return { part, ...(own && { own }), isTwin };
}

/** Whether the sequences of the next WAL here go on where those of a WAL end. */
async function fitsBefore(database: Database, number: bigint, { entry }: TwinFile): Promise<boolean> {
  const later = database.inventory.entries
    .filter((each) => each.kind === 'wal' && usual(each) && each.number! > number && each.size > 0)
    .sort((a, b) => (a.number! < b.number! ? -1 : 1));
  if (later.length === 0) return false;
  const [next] = later;
  const mine = (await checker(database, entry)(entry.source, entry.size)).facts;
  const following = (await checker(database, next)(next.source, next.size)).facts;
  return (
    mine.kind === 'wal' &&
    following.kind === 'wal' &&
    mine.nextSequence !== undefined &&
    mine.nextSequence === following.firstSequence
  );
}

/** Whether a source has these very bytes as a log of another number. */
async function isOtherLog(own: InventoryEntry, sources: readonly SecondSource[]): Promise<boolean> {
  for (const { database } of sources) {
    for (const entry of database.inventory.entries) {
      if (entry.kind !== 'wal' || !usual(entry) || entry.number === own.number || entry.size !== own.size)
        continue;
      if (await holdTheSame(own, entry, own.size)) return true;
    }
  }
  return false;
}

/** Whether a log of a source is here, under another number. */
async function standsElsewhere({ inventory }: Database, { entry }: TwinFile): Promise<boolean> {
  for (const mine of inventory.entries) {
    if (mine.kind !== 'wal' || !usual(mine) || mine.number === entry.number || mine.size !== entry.size)
      continue;
    if (mine.size >= LEAST_SHARED && (await holdTheSame(mine, entry, mine.size))) return true;
  }
  return false;
}

/** Whether a log that was begun later is the same here and there: then those before it are of one life. */
async function sharesLater(
  database: Database,
  number: bigint,
  { database: other }: SecondSource,
): Promise<boolean> {
  for (const entry of database.inventory.entries) {
    if (entry.kind !== 'wal' || !usual(entry) || entry.number! <= number) continue;
    const its = ownEntry(other, 'wal', entry.number!);
    const size = Math.min(entry.size, its?.size ?? 0);
    if (its === undefined || size < LEAST_SHARED) continue;
    if (await holdTheSame(entry, its, size)) return true;
  }
  return false;
}

async function holdTheSame(a: InventoryEntry, b: InventoryEntry, length: number): Promise<boolean> {
  const one = await openSource(a.source);
  try {
    const other = await openSource(b.source);
    try {
      return await isEqual(one, other, { offset: 0, length });
    } finally {
      await other.close();
    }
  } finally {
    await one.close();
  }
}
