import { encodeLogRecords } from '../../encode/log/writer.js';
import { type Database, filesOf } from '../../engine/database.js';
import { formatVersion } from '../../engine/version.js';
import { readManifestLog } from '../../format/manifest/log.js';
import { fileBehind } from '../../format/manifest/version.js';
import { MAX_SEQUENCE } from '../../format/sst/internal-key.js';
import { fileState } from '../content.js';
import type { RepairPlan } from '../plan.js';
import { databaseAfter } from '../preview.js';
import { Refusal } from '../refusal.js';
import { joinPlans } from './join-plans.js';
import { planPebbleNames } from './pebble-names.js';

/** Plans markers, CURRENT and a MANIFEST by which Pebble finds all that is there. */
export async function planPebbleMetadata(database: Database): Promise<RepairPlan> {
  const names = await planPebbleNames(database);
  const named = names.steps.length === 0 ? database : await databaseAfter(database, names);
  const manifest = await planWholeEdits(named);
  return manifest === undefined ? names : joinPlans(names, manifest);
}

/**
 * Pebble takes damage for the end of its MANIFEST, wherever it is, and deletes what later edits name. Where the edits that are whole
 * lead to tables that are all here, and no table is here that none of them named, nothing was in the others that counts: the file is
 * written with the whole ones alone. Refuses otherwise, for what is cut then is deleted.
 */
async function planWholeEdits(database: Database): Promise<RepairPlan | undefined> {
  const { manifest, version, target, pebble } = database;
  if (manifest?.named !== true || version === undefined || pebble === undefined || manifest.replay.complete)
    return undefined;
  const { entry } = manifest;
  refuseForsaken(database);
  const edits: Uint8Array[] = [];
  const source = await filesOf(database).open(entry.source);
  try {
    await readManifestLog(source, {
      record: ({ payload }) => {
        edits.push(payload.slice());
      },
      damage: () => {},
      oversized: () => {},
    });
  } finally {
    await source.close();
  }
  const bytes = encodeLogRecords(edits);
  return {
    schemaVersion: 1,
    target,
    strategy: 'metadata',
    engineVersion: formatVersion(database.engineVersion),
    inputs: [await fileState(target, { path: entry.file })],
    steps: [
      {
        action: 'write',
        path: entry.file,
        why: `it is damaged, and Pebble would end it there; its ${edits.length} whole edits name every table that is here`,
        changes: [
          {
            kind: 'rewrite',
            offset: 0,
            length: entry.size,
            detail: `${edits.length} whole edits, one after the other`,
          },
        ],
        content: [{ from: 'plan', bytes }],
      },
    ],
    loss: [],
    remarks: [],
  };
}

/** Refuses where a lost edit added or removed a table. */
function refuseForsaken({ manifest, version, inventory, pebble }: Database): void {
  const { entry, replay } = manifest!;
  const here = inventory.entries.filter(({ kind, place }) => kind === 'table' && place === 'database');
  const sizes = new Map(here.map(({ number, size }) => [number, BigInt(size)]));
  const tables = [...version!.columnFamilies.values()].flatMap((family) => [...family.tables.values()]);
  const missing = tables
    .map((table) => fileBehind(version!, table))
    .find(({ number, size }) => !pebble!.remote.has(number) && sizes.get(number) !== size);
  const known = new Set([...replay.lastTables, ...version!.backings.keys(), ...pebble!.ingested.keys()]);
  for (const table of tables) known.add(fileBehind(version!, table).number);
  const unnamed = here.find(({ number }) => number !== undefined && !known.has(number));
  const reached = tables.reduce(
    (most, { largestSequence: own }) => (own > most && own < MAX_SEQUENCE ? own : most),
    0n,
  );
  const log = version!.columnFamilies.get(0)?.logNumber ?? 0n;
  const hasNumbers =
    (version!.lastSequence ?? 0n) >= reached &&
    inventory.entries.some(({ kind, number }) => kind === 'wal' && number === log);
  if (replay.error === undefined && missing === undefined && unnamed === undefined && hasNumbers) return;
  const what =
    missing !== undefined
      ? `the edits that are left name table ${missing.number}, which is not here as they have it`
      : unnamed !== undefined
        ? `no edit that is left names ${unnamed.file}`
        : hasNumbers
          ? 'the edits that are left do not go together'
          : 'their last sequence or log number does not fit the tables and logs';
  throw new Refusal(
    'refused',
    `${entry.file} has lost edits that count: ${what}`,
    'do not open it: Pebble would delete what they named. Restore the MANIFEST, or the directory, from a backup',
  );
}
