import { isUtf8 } from 'node:buffer';
import type { SourceDescriptor } from '../../../bytes/source.js';
import { tableUniqueId } from '../../../check/sst/identity.js';
import { type Database, filesOf, liveWals, readDatabase } from '../../../engine/database.js';
import { dialectNamed } from '../../../format/dialect.js';
import { fileName } from '../../../format/filename.js';
import { readManifestLog } from '../../../format/manifest/log.js';
import { openTable } from '../../../format/sst/table.js';
import { readHead } from '../../../io/head.js';
import type { InventoryEntry } from '../../../io/inventory.js';
import { openSource } from '../../../io/source.js';
import { liveTables } from '../../../scan/plan.js';
import { chooseTables } from '../../../states/choice.js';
import { contentsOf, findTables } from '../../../states/tables.js';
import { contentSize } from '../../content.js';
import type { RepairStep } from '../../plan.js';
import { sourceOf } from '../../preview.js';
import { beginTheSame } from './composition.js';
import { isOtherDatabase, isSameSession, sharesTable, sharesWal } from './life.js';
import type { Part, TwinCheck } from './mend.js';
import type { Sought } from './part.js';
import { type SecondSource, segmentsOf, type TwinFile, twinOf } from './sources.js';
import { logUnits } from './units.js';

/** The MANIFEST that CURRENT names, where it is damaged or missing. */
export async function soughtManifest(database: Database): Promise<Sought | undefined> {
  const { current, manifest, pebble } = database;
  const named = pebble === undefined ? current?.decoded.number : pebble.manifest;
  const number = named ?? manifest?.entry.number;
  if (number === undefined) return undefined;
  const own =
    database.manifest?.entry.number === number
      ? database.manifest.entry
      : database.inventory.entries.find((each) => each.kind === 'manifest' && each.number === number);
  const file = own?.file ?? fileName('manifest', number);
  const check = async (source: SourceDescriptor, size: number): Promise<TwinCheck> =>
    checkedManifest(await withManifest(database, file, source, size), size);
  const mine =
    own && own.size > 0 ? { size: own.size, checked: await check(own.source, own.size) } : undefined;
  if (mine?.checked.clean) return undefined;
  const part: Part = {
    path: file,
    ...(mine && { own: mine }),
    neighboursProve: async (twins, { content }) => {
      for (const { source } of twins) if (await isOtherDatabase(database, source)) return undefined;
      const after = await withManifest(
        database,
        file,
        sourceOf(database.target, content),
        contentSize(content),
      );
      const { known, others } = await tablesHere(after);
      if (others > 0) return undefined;
      for (const { source } of twins)
        if (known === 0 && (await source.partedAt()) !== undefined) return 'never';
      return 'beside';
    },
    check,
    units: (source) => logUnits(source, dialectNamed(database.dialect).manifest.log),
    whole: async (twin) =>
      (await isMeant(database, file, twin))
        ? 'every table that it names is here and is, by its unique id or byte for byte as in the source, the one that it names'
        : undefined,
    sameLife: (twin) => isMeant(database, file, twin),
  };
  const isTwin = (each: InventoryEntry) => each.kind === 'manifest' && each.number === number;
  return { part, ...(own && { own }), isTwin };
}

/**
 * MANIFESTs of sources in place of one that its own bytes do not put right: those that go another way than it, or further, or end where
 * nothing whole follows here, and whose state is the one that these files are of. Whether what is wrong here is right with one of
 * them, a scan has to say.
 */
export async function otherManifests(
  database: Database,
  sources: readonly SecondSource[],
): Promise<TwinFile[]> {
  const { manifest } = database;
  if (manifest?.named !== true) return [];
  const { entry, replay } = manifest;
  const others: TwinFile[] = [];
  for (const source of sources) {
    const its = source.database.manifest;
    if (its === undefined || its.entry.number !== entry.number || !its.replay.complete) continue;
    if (await isOtherDatabase(database, source)) continue;
    // an edit more is what it cannot tell of: a table that it added may be lost
    if (replay.records > its.replay.records || (await lastRecord(database)) >= its.replay.logicalEnd)
      continue;
    const twin = twinOf(source, its.entry);
    const { size } = entry;
    const isSame = its.entry.size === size && (await beginTheSame(entry.source, its.entry.source, size));
    if (isSame || !(await isMeant(database, entry.file, twin))) continue;
    const after = await withManifest(database, entry.file, its.entry.source, its.entry.size);
    if (its.entry.size >= size || hasSameLogs(after, source)) others.push(twin);
  }
  return others;
}

/** Where the last whole record of the MANIFEST begins; 0 without one. */
async function lastRecord({ manifest, dialect }: Database): Promise<number> {
  let last = 0;
  const source = await openSource(manifest!.entry.source);
  try {
    const record = ({ offset }: { offset: number }) => {
      last = offset;
    };
    await readManifestLog(source, { record, oversized: record, damage: () => {} }, dialect);
  } finally {
    await source.close();
  }
  return last;
}

/** Whether both have the logs of the same numbers: a flush begins one, and lets go of another. */
function hasSameLogs(database: Database, source: SecondSource): boolean {
  const numbersOf = (each: Database) => liveWals(each).map(({ number }) => number);
  const [mine, its] = [numbersOf(database), new Set(numbersOf(source.database))];
  return mine.length === its.size && mine.every((number) => its.has(number));
}

/** The database with another content of its MANIFEST. */
function withManifest(database: Database, file: string, source: SourceDescriptor, size: number) {
  const { instead = [] } = database.request;
  return readDatabase(database.target, {
    ...database.request,
    instead: [...instead.filter((each) => each.file !== file), { file, content: { source, size } }],
  });
}

function checkedManifest({ manifest }: Database, size: number): TwinCheck {
  if (manifest === undefined) return { clean: false, problems: 1, damage: [] };
  const { replay } = manifest;
  const torn = replay.tail.state === 'clean' || replay.tail.state === 'zero-fill' ? [] : [replay.tail];
  const damage = [...replay.anomalies, ...torn, ...(replay.openGroup ? [replay.openGroup] : [])];
  return {
    clean: replay.complete && damage.length === 0,
    problems: damage.length + (replay.complete ? 0 : 1),
    damage: damage.map(({ offset, length }) => ({ offset, length })),
    end: replay.tail.state === 'clean' ? size : replay.logicalEnd,
  };
}

/**
 * Whether the state that a MANIFEST of a source leads to is the one that these files are of: all its tables are here, as large and
 * of the same ids, and no table or WAL is here that it could not know yet.
 */
async function isMeant(database: Database, file: string, { entry, source }: TwinFile): Promise<boolean> {
  const after = await withManifest(database, file, entry.source, entry.size);
  if (after.version === undefined || after.manifest?.replay.complete !== true) return false;
  const here = await tablesHere(after);
  const named = liveTables(after).size;
  if (!(await isWholeState(after, here))) return false;
  if (here.known > 0) return true;
  // of two that part, one's MANIFEST may tell of files of its own
  if ((await source.partedAt()) !== undefined) return false;
  if (await sharesTable(after, source)) return true;
  // a first MANIFEST of LevelDB and Pebble holds nothing but what these files say
  return database.dialect !== 'rocksdb' && named === 0 && (await sharesWal(after, source));
}

/**
 * Whether all tables that the MANIFEST names are here, as large and of the same ids, and no table or blob file that it cannot know yet, but
 * for what a compaction made of the tables that it names: with it or without, the database holds the same.
 */
export const isStateHere = async (database: Database): Promise<boolean> =>
  isWholeState(database, await tablesHere(database));

async function isWholeState(database: Database, { missing, others }: TablesHere): Promise<boolean> {
  if (missing > 0 || others > 0) return false;
  const next = database.version?.nextFileNumber ?? 0n;
  const later = database.inventory.entries.filter(
    ({ kind, number, place }) =>
      (kind === 'table' || kind === 'blob') && place !== 'lost' && number !== undefined && number >= next,
  );
  return later.length === 0 || holdNothingMore(database, later);
}

/** Whether each of these files is a table that holds all that tables of the MANIFEST hold between its bounds, and nothing else. */
async function holdNothingMore(database: Database, later: readonly InventoryEntry[]): Promise<boolean> {
  const found = await findTables(database);
  for (const entry of later) {
    const table = found.find((each) => each.entry === entry);
    const family = table && database.version?.columnFamilies.get(table.live.columnFamily);
    if (table === undefined || family === undefined) return false;
    const named = found.filter(({ live: { number } }) => family.tables.has(number));
    const contents = await contentsOf([...named, table], filesOf(database).open);
    if (contents === undefined) return false;
    const certain = new Set(named.map(({ live: { number } }) => number));
    const { left } = chooseTables([...named, table], contents, certain, undefined);
    if (!left.some((each) => each.table === table)) return false;
  }
  return true;
}

/** Of the tables that a MANIFEST names. */
interface TablesHere {
  /** Not here, or of another size. */
  missing: number;
  /** By their ids others, or the named ones. */
  others: number;
  known: number;
}

async function tablesHere(database: Database): Promise<TablesHere> {
  const count = { missing: 0, others: 0, known: 0 };
  for (const { table } of liveTables(database).values()) {
    const here = database.inventory.entries.find(
      (each) => each.kind === 'table' && each.number === table.number && each.place !== 'lost',
    );
    if (here === undefined || here.size !== Number(table.size)) {
      count.missing++;
      continue;
    }
    const id = table.uniqueId === undefined ? undefined : await uniqueIdOf(here);
    if (table.uniqueId === undefined || id === undefined) continue;
    if (Buffer.compare(id, table.uniqueId) === 0) count.known++;
    else count.others++;
  }
  return count;
}

async function uniqueIdOf(entry: InventoryEntry): Promise<Uint8Array | undefined> {
  const source = await openSource(entry.source);
  try {
    const table = await openTable(source);
    return table.properties !== undefined && table.propertiesSound
      ? await tableUniqueId(table.properties)
      : undefined;
  } finally {
    await source.close();
  }
}

/** Bytes of an OPTIONS file of which it is asked whether they are text. */
const MOST_TEXT = 16 << 20;

/** What no line of text holds. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are looked for
const CONTROL = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f]/;

/** Whether an OPTIONS file reads without a flaw and is text: it has no checksum that would say more. */
async function isText({ entry, parsed }: NonNullable<Database['optionsFile']>): Promise<boolean> {
  if (parsed.anomalies.length > 0 || entry.size > MOST_TEXT) return false;
  const bytes = Buffer.from(await readHead(entry.source, MOST_TEXT));
  return isUtf8(bytes) && !CONTROL.test(bytes.toString('latin1'));
}

/**
 * An OPTIONS file of which a scan says that it is damaged or missing, where a source of the same session has it: a number is given to one
 * file, and that file is written once.
 */
export async function optionsStep(
  database: Database,
  sources: readonly SecondSource[],
  isFaulty: (file: string) => boolean,
): Promise<RepairStep | undefined> {
  const mine = database.optionsFile;
  for (const source of sources) {
    const its = source.database.optionsFile;
    if (its === undefined || !isFaulty(its.entry.file) || !(await isText(its))) continue;
    if (mine !== undefined && mine.entry.number! > its.entry.number!) continue;
    const { size } = its.entry;
    const own = mine?.entry.number === its.entry.number ? mine?.entry : undefined;
    // the beginning of these files is the same for very many databases, and a clone may be started with other options
    if (!(await isSameSession(database, source))) continue;
    const isSame = own?.size === size && (await beginTheSame(own.source, its.entry.source, size));
    if (isSame) continue;
    const twin = twinOf(source, its.entry);
    const { path } = twin;
    const isShorter = own !== undefined && own.size < size;
    const isCut = isShorter && (await beginTheSame(own.source, its.entry.source, own.size));
    // without a checksum nothing tells which of two is right that differ before one of them ends
    if (isShorter && !isCut) continue;
    const detail = `from ${path}`;
    return {
      path: its.entry.file,
      action: 'write',
      why: isCut
        ? `its end is missing: what is here is the beginning of ${path}`
        : `${path} is the file of this number, which is written once in the session that both are of`,
      changes: [
        isCut
          ? { kind: 'insert', offset: own.size, length: size - own.size, detail }
          : {
              kind: own === undefined ? 'create-file' : 'rewrite',
              offset: 0,
              length: own?.size ?? size,
              detail,
            },
      ],
      content: await segmentsOf(twin, { offset: 0, length: size }),
    };
  }
  return undefined;
}
