import type { SourceDescriptor } from '../../../bytes/source.js';
import { tableUniqueId } from '../../../check/sst/identity.js';
import { type Database, readDatabase } from '../../../engine/database.js';
import { CURRENT_LIMIT } from '../../../format/current.js';
import { dialectNamed } from '../../../format/dialect.js';
import { fileName } from '../../../format/filename.js';
import { openTable } from '../../../format/sst/table.js';
import { readHead } from '../../../io/head.js';
import type { InventoryEntry } from '../../../io/inventory.js';
import { openSource } from '../../../io/source.js';
import { liveTables } from '../../../scan/plan.js';
import { contentSize } from '../../content.js';
import type { RepairStep } from '../../plan.js';
import { sourceOf } from '../../preview.js';
import { beginTheSame } from './composition.js';
import { hasSameManifest, isOtherDatabase, isSameLife, sharesTable, sharesWal } from './life.js';
import type { Part, TwinCheck } from './mend.js';
import type { Sought } from './part.js';
import { type SecondSource, segmentsOf, type TwinFile, twinOf } from './sources.js';
import { logUnits } from './units.js';

/** The MANIFEST that CURRENT names, where it is damaged or missing. */
export async function soughtManifest(database: Database): Promise<Sought | undefined> {
  // CURRENT of a Pebble directory is left over from another engine: a marker names the MANIFEST
  const { current, manifest, pebble } = database;
  const number = (pebble === undefined ? current?.decoded.number : undefined) ?? manifest?.entry.number;
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
      return (await tablesHere(after)).others === 0 ? 'beside' : undefined;
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
 * MANIFESTs of sources in place of one whose checksums hold: those that go another way than it, or further, and whose state is the one
 * that these files are of. Whether what is wrong here is right with one of them, a scan has to say.
 */
export async function otherManifests(
  database: Database,
  sources: readonly SecondSource[],
): Promise<TwinFile[]> {
  const { manifest, dialect } = database;
  // a marker of Pebble may name another one
  if (manifest?.named !== true || dialect === 'pebble') return [];
  const { entry } = manifest;
  const others: TwinFile[] = [];
  for (const source of sources) {
    const its = source.database.manifest;
    if (its === undefined || its.entry.number !== entry.number) continue;
    if (await isOtherDatabase(database, source)) continue;
    const size = Math.min(entry.size, its.entry.size);
    // it has nothing that is not here
    if (its.entry.size <= entry.size && (await beginTheSame(entry.source, its.entry.source, size))) continue;
    const twin = twinOf(source, its.entry);
    if (await isMeant(database, entry.file, twin)) others.push(twin);
  }
  return others;
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
  const { version, inventory } = after;
  if (version === undefined || after.manifest?.replay.complete !== true) return false;
  const { missing, others, known } = await tablesHere(after);
  const named = liveTables(after).size;
  const next = version.nextFileNumber ?? 0n;
  const later = inventory.entries.filter(
    ({ kind, number, place }) =>
      (kind === 'table' || kind === 'blob') && place !== 'lost' && number !== undefined && number >= next,
  );
  if (missing > 0 || others > 0 || later.length > 0) return false;
  if (known > 0 || (await sharesTable(after, source))) return true;
  // LevelDB's MANIFESTs hold nothing but what these files say
  return database.dialect === 'leveldb' && named === 0 && (await sharesWal(after, source));
}

/** Of the tables that the MANIFEST names: those that are not here or have another size, and by their ids others or the named ones. */
async function tablesHere(database: Database): Promise<{ missing: number; others: number; known: number }> {
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

/** CURRENT of a source, where it names a MANIFEST that is here and the same there. */
export async function currentFromSource(
  database: Database,
  sources: readonly SecondSource[],
): Promise<{ step: RepairStep } | undefined> {
  const { current, inventory } = database;
  const isHere = ({ kind, number, place }: InventoryEntry) =>
    kind === 'manifest' && place === 'database' && number === current?.decoded.number;
  if (current?.decoded.anomalies.length === 0 && inventory.entries.some(isHere)) return undefined;
  for (const source of sources) {
    const its = source.database.current;
    if (its === undefined || its.decoded.anomalies.length > 0) continue;
    const named = inventory.entries.find(
      ({ kind, number, place }) =>
        kind === 'manifest' && place === 'database' && number === its.decoded.number,
    );
    const newest = inventory.entries
      .filter(({ kind, place }) => kind === 'manifest' && place === 'database')
      .every(({ number }) => number! <= its.decoded.number!);
    // without a CURRENT the newest MANIFEST is taken for the one that is meant
    if (named === undefined || !newest || !(await hasSameManifest(database, source))) continue;
    const bytes = await readHead(its.entry.source, CURRENT_LIMIT);
    const { path: from } = twinOf(source, its.entry);
    return {
      step: {
        path: 'CURRENT',
        action: 'write',
        why: `${from} names ${named.name}, and the MANIFEST is the same there`,
        changes: [
          current === undefined
            ? { kind: 'create-file', offset: 0, length: bytes.length, detail: `it names ${named.name}` }
            : {
                kind: 'rewrite',
                offset: 0,
                length: current.entry.size,
                detail: `it names ${named.name}, as in ${source.name}`,
              },
        ],
        content: [{ from: 'plan', bytes }],
      },
    };
  }
  return undefined;
}

/** The newest OPTIONS file, where it is the beginning of the one of that name in a source. */
export async function optionsStep(
  database: Database,
  sources: readonly SecondSource[],
): Promise<{ step: RepairStep } | undefined> {
  const mine = database.optionsFile;
  if (mine === undefined || mine.parsed.anomalies.length === 0 || mine.entry.size === 0) return undefined;
  for (const source of sources) {
    const its = source.database.optionsFile;
    if (its?.entry.name !== mine.entry.name || its.parsed.anomalies.length > 0) continue;
    if (its.entry.size <= mine.entry.size) continue;
    // the beginning of these files is the same for very many databases
    if (!(await isSameLife(database, source))) continue;
    if (!(await beginTheSame(mine.entry.source, its.entry.source, mine.entry.size))) continue;
    const twin = twinOf(source, its.entry);
    const { path } = twin;
    const length = its.entry.size - mine.entry.size;
    return {
      step: {
        path: mine.entry.file,
        action: 'write',
        why: `its end is missing: what is here is the beginning of ${path}`,
        changes: [{ kind: 'insert', offset: mine.entry.size, length, detail: `from ${path}` }],
        content: await segmentsOf(twin, { offset: 0, length: its.entry.size }),
      },
    };
  }
  return undefined;
}
