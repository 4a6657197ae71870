import type { Database } from '../../engine/database.js';
import { type ManifestReplay, type ReplayOptions, replayManifest } from '../../format/manifest/replay.js';
import type { LiveTable } from '../../format/manifest/version.js';
import type { InventoryEntry } from '../../io/inventory.js';
import { openSource } from '../../io/source.js';

/** A MANIFEST that CURRENT does not name and that the files belong to. */
interface LeftBehind {
  entry: InventoryEntry;
  replay: ManifestReplay;
  /** How many tables it names, all of which are there. */
  tables: number;
}

const tablesOf = ({ version }: ManifestReplay): LiveTable[] =>
  [...version.columnFamilies.values()].flatMap((family) => [...family.tables.values()]);

const lastSequenceOf = ({ version }: ManifestReplay): bigint => version.lastSequence ?? 0n;

/**
 * Where CURRENT names a MANIFEST that never had a table: another one that is whole, has tables, all of them there with their
 * sizes, and goes further. A database goes from one MANIFEST to the next without losing tables, and sequences never fall: such a
 * start beside it is no successor of it.
 */
export async function manifestLeftBehind({
  current,
  manifest,
  inventory,
  dialect,
}: Database): Promise<LeftBehind | undefined> {
  if (current === undefined || manifest?.named !== true || manifest.replay.lastTables.length > 0)
    return undefined;
  const sizes = new Map(
    inventory.entries
      .filter(({ kind, place }) => kind === 'table' && place !== 'lost')
      .map(({ number, size }) => [number, BigInt(size)]),
  );
  let found: LeftBehind | undefined;
  for (const entry of inventory.entries) {
    const own = manifest.entry;
    if (entry.kind !== 'manifest' || entry.place !== 'database' || entry === own || entry.size <= own.size)
      continue;
    const replay = await replayed(entry, { files: inventory.entries.length, dialect });
    if (
      replay === undefined ||
      !replay.complete ||
      replay.error !== undefined ||
      replay.openGroup !== undefined
    )
      continue;
    const tables = tablesOf(replay);
    const fits = tables.length > 0 && tables.every(({ number, size }) => sizes.get(number) === size);
    if (fits && lastSequenceOf(replay) > lastSequenceOf(found?.replay ?? manifest.replay))
      found = { entry, replay, tables: tables.length };
  }
  return found;
}

/** `undefined` where the medium fails. */
async function replayed(entry: InventoryEntry, options: ReplayOptions): Promise<ManifestReplay | undefined> {
  try {
    const source = await openSource(entry.source);
    try {
      return await replayManifest(source, options);
    } finally {
      await source.close();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return undefined;
  }
}
