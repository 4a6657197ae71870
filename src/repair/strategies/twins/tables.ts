import type { SourceDescriptor } from '../../../bytes/source.js';
import { isCrc32c } from '../../../check/sst/manifest.js';
import type { Database } from '../../../engine/database.js';
import type { RuleId } from '../../../finding/catalog.js';
import type { Finding } from '../../../finding/finding.js';
import type { LiveTable } from '../../../format/manifest/version.js';
import type { InventoryEntry } from '../../../io/inventory.js';
import { liveTables } from '../../../scan/plan.js';
import { beginTheSame } from './composition.js';
import { isSameLife, sharesFile } from './life.js';
import type { Part, TwinCheck } from './mend.js';
import { absentEntry, checkedOf, checker, filePlace, ownEntry, type Sought } from './part.js';
import type { SecondSource } from './sources.js';
import { tableUnits } from './units.js';

/** What a scan may say of a table that is whole in itself, beside the MANIFEST. */
const CONTRADICTIONS: ReadonlySet<RuleId> = new Set([
  'sst/wrong-file',
  'sst/manifest-sequences',
  'sequence/last-sequence-too-low',
]);

/** Live tables of which a scan found something, or that are not there. `findingsOf`: what is wrong with a file. */
export async function soughtTables(
  database: Database,
  sources: readonly SecondSource[],
  findingsOf: (entry: InventoryEntry) => readonly Finding[],
): Promise<Sought[]> {
  const sought: Sought[] = [];
  for (const { table } of liveTables(database).values()) {
    const own = ownEntry(database, 'table', table.number);
    const found = own === undefined ? [] : findingsOf(own);
    if (own === undefined || own.size !== Number(table.size) || found.length > 0)
      sought.push(await tablePart(database, table, own, { sources, rules: found.map(({ rule }) => rule) }));
  }
  for (const number of database.pebble?.ingested.keys() ?? []) {
    const own = ownEntry(database, 'table', number);
    if (liveTables(database).has(number) || (own !== undefined && findingsOf(own).length === 0)) continue;
    const part = await ingestedPart(database, number, own, sources);
    if (part !== undefined) sought.push(part);
  }
  return sought;
}

/** A table that a log of Pebble brings in and no edit names yet: as a log of the same life does there. */
async function ingestedPart(
  database: Database,
  number: bigint,
  own: InventoryEntry | undefined,
  sources: readonly SecondSource[],
): Promise<Sought | undefined> {
  const isOfLife = async (source: SecondSource) =>
    source.database.pebble?.ingested.has(number) === true &&
    (await source.partedAt()) === undefined &&
    (await isSameLife(database, source));
  for (const source of sources) {
    const its = ownEntry(source.database, 'table', number);
    if (its === undefined || !(await isOfLife(source))) continue;
    const entry = own ?? absentEntry(database, 'table', { number }, its.name);
    const run = checker(database, entry);
    const check = async (descriptor: SourceDescriptor, size: number) =>
      checkedOf(await run(descriptor, size));
    const part: Part = {
      ...filePlace(entry),
      ...(own && own.size > 0 && { own: { size: own.size, checked: await check(own.source, own.size) } }),
      size: its.size,
      check,
      units: (opened) => tableUnits(opened, database.dialect),
      neighboursProve: async (twins) => {
        for (const twin of twins) if (!(await isOfLife(twin.source))) return undefined;
        return 'alone';
      },
      whole: async (twin) =>
        (await isOfLife(twin.source))
          ? 'a log here and in the source brings in the table of this number, and both are of one life'
          : undefined,
    };
    const isTwin = (each: InventoryEntry) =>
      each.kind === 'table' && each.place !== 'archive' && each.number === number;
    return { part, ...(own && { own }), isTwin };
  }
  return undefined;
}

async function tablePart(
  database: Database,
  live: LiveTable,
  own: InventoryEntry | undefined,
  { sources, rules }: { sources: readonly SecondSource[]; rules: readonly RuleId[] },
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
    // what is whole, and what the MANIFEST contradicts, is not what was written under this number
    if (
      mine.checked.damage.length === 0 &&
      rules.every((rule) => CONTRADICTIONS.has(rule)) &&
      rules.length > 0
    )
      mine.checked.identity = 'other';
  }
  const isAnother =
    mine?.checked.identity === 'other' && (rules.length === 0 || rules.includes('sst/wrong-file'));
  const part: Part = {
    ...filePlace(entry),
    ...(mine && { own: mine }),
    size: Number(live.size),
    check,
    units: (source) => tableUnits(source, database.dialect),
    // a number is given to one file in a life
    neighboursProve: async (twins) => {
      if (id !== undefined) return undefined;
      for (const { source } of twins)
        if (!isNamed(live, source) || !(await isOfLife(database, source, live.number))) return undefined;
      return 'alone';
    },
    whole: async (twin, checked) => {
      if (own?.size === twin.entry.size && (await beginTheSame(own.source, twin.entry.source, own.size)))
        return undefined;
      if (checked.identity === 'proven') return 'its identity is the one that the MANIFEST has of it';
      const { source } = twin;
      if (id !== undefined || !isNamed(live, source) || !(await sharesFile(database, source, live.number)))
        return undefined;
      const gone = mine === undefined || isAnother;
      return gone || (await isOfLife(database, source, live.number))
        ? 'its number, size, bounds and sequences are those of the MANIFEST, here and in the source, and another file is the same byte for byte: the table has no id that would prove more'
        : undefined;
    },
  };
  const isTwin = (each: InventoryEntry) =>
    each.kind === 'table' && each.place !== 'archive' && each.number === live.number;
  return { part, ...(own && { own }), isTwin };
}

/** Whether a source is of the same life, as files tell that are as young as the one of a number. */
const isOfLife = async (database: Database, source: SecondSource, number: bigint): Promise<boolean> =>
  (await isSameLife(database, source)) && (await sharesFile(database, source, number));

/** Whether the MANIFEST of a source says the same of a table. */
function isNamed(live: LiveTable, { database }: SecondSource): boolean {
  const its = liveTables(database).get(live.number)?.table;
  return its !== undefined && isSameEntry(live, its);
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
