import { hasOtherBounds } from '../../check/directory/live-files.js';
import { tableContext } from '../../check/sst/table-context.js';
import type { TableContext, UnitResult } from '../../check/unit.js';
import { type Database, filesOf } from '../../engine/database.js';
import { fileBehind, type LiveTable, type Version } from '../../format/manifest/version.js';
import { readDataBlocks } from '../../format/sst/data-blocks.js';
import { KEY_TRAILER, sequenceOf, userKeyOf, VALUE_TYPE } from '../../format/sst/internal-key.js';
import { pebbleSequenceOf } from '../../format/sst/properties.js';
import { openTable } from '../../format/sst/table.js';
import type { InventoryEntry } from '../../io/inventory.js';
import { checkedTable, type DamagedTable, NUMBERS } from './damaged-tables.js';

/** Types of keys that are not those of points. */
const NOT_POINTS: ReadonlySet<number> = new Set([
  VALUE_TYPE.rangeDelete,
  VALUE_TYPE.rangeKeySet,
  VALUE_TYPE.rangeKeyUnset,
  VALUE_TYPE.rangeKeyDelete,
]);

/** Whether the file under a table's name is a whole table with other bounds than the MANIFEST gives. */
export function hasOtherKeys({ live, result }: DamagedTable): boolean {
  return result?.facts.kind === 'table' && isWhole(result) && hasOtherBounds(result.facts, live);
}

function isWhole({ findings }: UnitResult): boolean {
  return findings.every(({ rule, severity }) => severity !== 'error' || NUMBERS.has(rule));
}

/**
 * Whether the file under a table's name is a whole table and another one. Tables of LevelDB and Pebble say nothing of themselves: size
 * and bounds together tell, and, where virtual tables are parts of the file, the keys that bound these.
 */
export async function isAnotherTable(database: Database, damagedTable: DamagedTable): Promise<boolean> {
  const { live, entry, result } = damagedTable;
  if (result === undefined || entry === undefined) return false;
  if (result.findings.some(({ rule }) => rule === 'sst/wrong-file')) return true;
  if (database.dialect === 'rocksdb') return false;
  const { number, size } = fileBehind(database.version!, live);
  if (BigInt(entry.size) === size || !isWhole(result)) return false;
  // one with the same bounds is another one where a file that has the size, too, stands under another name
  if (live.backing === undefined)
    return hasOtherKeys(damagedTable) || (await fileWithId(database, live)) !== undefined;
  return !(await holdsBoundKeys(database, entry, tablesIn(database.version!, number)));
}

/** Whether a file holds the keys that virtual tables begin and end with, under their sequences. Bounds of ranges are not looked for. */
async function holdsBoundKeys(
  database: Database,
  { source: place }: InventoryEntry,
  parts: readonly LiveTable[],
): Promise<boolean> {
  const ofPoint = (key: Uint8Array) => !NOT_POINTS.has(key[key.length - KEY_TRAILER]);
  const nameOf = (key: Uint8Array, sequence: bigint | '') =>
    `${sequence} ${Buffer.from(key).toString('latin1')}`;
  const wanted = new Set<string>();
  for (const part of parts) {
    if (part.synthetic) continue;
    const { smallest, largest } = part.points ?? part;
    const isOne = pebbleSequenceOf(part) !== undefined;
    for (const key of [smallest, largest].filter(ofPoint))
      wanted.add(nameOf(userKeyOf(key), isOne ? '' : sequenceOf(key)));
  }
  const source = await filesOf(database).open(place);
  try {
    const table = await openTable(source, { dialect: 'pebble' });
    for await (const block of readDataBlocks(table)) {
      if (wanted.size === 0) break;
      for (const { key, sequence } of block.entries()) {
        wanted.delete(nameOf(key, sequence));
        wanted.delete(nameOf(key, ''));
      }
    }
  } finally {
    await source.close();
  }
  return wanted.size === 0;
}

/** The tables of a version whose bytes are in the file of that number. */
export function tablesIn(version: Version, number: bigint): LiveTable[] {
  return [...version.columnFamilies.values()].flatMap(({ tables }) =>
    [...tables.values()].filter((table) => fileBehind(version, table).number === number),
  );
}

/** Whether a file is what the MANIFEST means by a number: size, bounds and sequences. */
async function fitsAs(database: Database, entry: InventoryEntry, number: bigint): Promise<boolean> {
  const version = database.version!;
  const parts = tablesIn(version, number);
  const [live] = parts;
  if (live === undefined || fileBehind(version, live).size !== BigInt(entry.size)) return false;
  const context: TableContext = {
    ...tableContext(database, { file: entry.file }),
    depth: 'full',
    live: { ...live, ...fileBehind(version, live) },
  };
  const { findings, facts } = await checkedTable(entry, context, filesOf(database).open);
  const isDamaged = findings.some(
    ({ rule, severity }) => severity === 'error' || NUMBERS.has(rule) || rule === 'sst/wrong-file',
  );
  if (isDamaged || facts.kind !== 'table') return false;
  return parts.every(
    ({ backing, ...part }) => backing === undefined || !hasOtherBounds(facts, { ...part, backing }),
  );
}

/** A file under another name that holds the table which the MANIFEST means. */
export async function fileWithId(database: Database, live: LiveTable): Promise<InventoryEntry | undefined> {
  const { number, size } = fileBehind(database.version!, live);
  for (const entry of database.inventory.entries) {
    if (entry.kind !== 'table' || entry.number === number || BigInt(entry.size) !== size) continue;
    // their tables bear no name at all: one that fits in size, bounds and sequences, and not where it stands, is the one
    if (database.dialect !== 'rocksdb') {
      if ((await fitsAs(database, entry, number)) && !(await fitsAs(database, entry, entry.number!)))
        return entry;
      continue;
    }
    const { findings, facts } = await checkedTable(
      entry,
      { ...tableContext(database, { file: entry.file }), depth: 'full', live },
      filesOf(database).open,
    );
    if (findings.some(({ severity, rule }) => severity === 'error' || rule === 'sst/wrong-file')) continue;
    const same = facts.kind === 'table' && facts.uniqueId;
    if (live.uniqueId !== undefined && (!same || Buffer.compare(same, live.uniqueId) !== 0)) continue;
    // without ids the number that the table was written under has to do
    if (live.uniqueId === undefined && facts.kind === 'table' && facts.originalFileNumber !== live.number)
      continue;
    return entry;
  }
  return undefined;
}

/** Whether a file is a whole table of which no entry has a sequence: Pebble ingests no others. */
export async function canBeIngested(database: Database, entry: InventoryEntry): Promise<boolean> {
  const context: TableContext = { ...tableContext(database, entry), depth: 'full' };
  const { findings, facts } = await checkedTable(entry, context, filesOf(database).open);
  const isSound = findings.every(({ severity }) => severity !== 'error');
  return isSound && facts.kind === 'table' && facts.largestSequence === 0n;
}
