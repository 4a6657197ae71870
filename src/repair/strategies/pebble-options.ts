/**
 * Puts right what keeps Pebble from opening over an OPTIONS file: a line that is none, or a comparer or merger that is not the one of
 * the tables (pebble options.go `parseOptions`, `CheckCompatibility`). No data depends on the file: Pebble opens without one, goes by
 * the options of its program, and writes the file anew.
 */
import { type Database, filesOf } from '../../engine/database.js';
import { OPTIONS_LIMIT } from '../../engine/named-places.js';
import { mendedPebbleOptions, parsePebbleOptions } from '../../format/pebble-options.js';
import { openTable } from '../../format/sst/table.js';
import type { InventoryEntry } from '../../io/inventory.js';
import { fileState } from '../content.js';
import { emptyPlan } from '../empty-plan.js';
import type { RepairPlan, RepairStep } from '../plan.js';
import { Refusal } from '../refusal.js';
import { planOtherComparer } from './pebble-corrections.js';
import { removal } from './pebble-names.js';
import { ownTables } from './pebble-rebuild.js';

/** What the tables say that they were written with. */
interface Written {
  comparators: ReadonlySet<string>;
  mergers: ReadonlySet<string>;
}

/** Plans an OPTIONS file that Pebble takes, where it would not take the one that is here; `undefined`: it would. */
export async function planPebbleOptions(database: Database): Promise<RepairPlan | undefined> {
  const { optionsFile, options, version, manifest, target, pebble } = database;
  if (optionsFile === undefined || pebble === undefined || optionsFile.entry.size > OPTIONS_LIMIT)
    return undefined;
  const { entry, parsed } = optionsFile;
  const { comparer, merger } = options.pebble ?? {};
  const own = manifest?.named ? version?.columnFamilies.get(0)?.comparator : undefined;
  const isBroken = parsed.anomalies.some(({ evidence }) => evidence?.engine !== undefined);
  const isOfAnother = own !== undefined && own !== '' && comparer !== undefined && comparer !== own;
  const written = await readWritten(database);
  const [usedMerger] = written.mergers;
  const isOtherMerger = merger !== undefined && usedMerger !== undefined && !written.mergers.has(merger);
  if (!isBroken && !isOfAnother && !isOtherMerger) return undefined;
  // every table has the one that OPTIONS says
  if (isOfAnother && written.comparators.size === 1 && written.comparators.has(comparer))
    return planOtherComparer(database, comparer);
  if (isOfAnother && !(await settles(database, written, own)))
    throw new Refusal(
      'refused',
      `${manifest!.entry.file} says that keys are ordered by ${own}, ${entry.file} says ${comparer}, and no table is here that tells which is right`,
      'see which Comparer the program brings: its own message names it. Then restore the file that names another from a backup',
    );
  const bytes = await contentOf(database, entry);
  const mended = mendedPebbleOptions(bytes, {
    ...(isOfAnother && { comparer: own }),
    ...(isOtherMerger && { merger: usedMerger }),
  });
  const isEmpty = parsePebbleOptions(mended.bytes).anomalies.length > 0;
  const why = [
    ...(isOfAnother ? [`its comparer is not the one that the MANIFEST and the tables have (${own})`] : []),
    ...(isOtherMerger ? [`its merger is not the one that the tables were written with (${usedMerger})`] : []),
    ...(isBroken ? ['Pebble refuses to open over a line without an equals sign'] : []),
  ].join('; ');
  const step: RepairStep = isEmpty
    ? removal(entry, `${why}; nothing of it is left, and Pebble opens without it`)
    : {
        action: 'write',
        path: entry.file,
        why,
        changes: mended.changes.map(({ offset, length, detail }) => ({
          kind: 'rewrite',
          offset,
          length,
          detail,
        })),
        content: [{ from: 'plan', bytes: mended.bytes }],
      };
  return {
    ...emptyPlan(database, 'metadata'),
    inputs: [await fileState(target, { path: entry.file })],
    steps: [step],
    remarks: [
      'what OPTIONS says besides is what the database was last opened with; Pebble goes by the options of its program and writes the file anew',
    ],
  };
}

/** Whether the MANIFEST's comparer is the right one: tables say so, or another OPTIONS file does, and none says otherwise. */
async function settles(database: Database, { comparators }: Written, own: string): Promise<boolean> {
  if (comparators.size > 0) return comparators.size === 1 && comparators.has(own);
  const { inventory, optionsFile } = database;
  for (const entry of inventory.entries) {
    if (entry.kind !== 'options' || entry.place !== 'database' || entry === optionsFile?.entry) continue;
    const { sections } = parsePebbleOptions(await contentOf(database, entry));
    if (sections.some(({ title, values }) => title === 'Options' && values.get('comparer') === own))
      return true;
  }
  return false;
}

async function contentOf(
  database: Database,
  { source: at }: Pick<InventoryEntry, 'source'>,
): Promise<Uint8Array> {
  const source = await filesOf(database).open(at);
  try {
    const bytes = new Uint8Array(Math.min(source.size, OPTIONS_LIMIT));
    return bytes.subarray(0, await source.read(bytes, 0));
  } finally {
    await source.close();
  }
}

async function readWritten(database: Database): Promise<Written> {
  const [comparators, mergers] = [new Set<string>(), new Set<string>()];
  for (const entry of ownTables(database)) {
    const source = await filesOf(database).open(entry.source);
    try {
      const { properties } = await openTable(source, { dialect: 'pebble' });
      const comparator = properties?.text('comparator');
      const merger = properties?.mergeOperator();
      if (comparator) comparators.add(comparator);
      if (merger) mergers.add(merger);
    } finally {
      await source.close();
    }
  }
  return { comparators, mergers };
}
