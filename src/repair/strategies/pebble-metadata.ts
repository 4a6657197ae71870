import { encodeLogRecords } from '../../encode/log/writer.js';
import type { Database } from '../../engine/database.js';
import { asPebbleOpens, FIRST_SEQUENCE } from '../../engine/pebble-opened.js';
import { fileBehind } from '../../format/manifest/version.js';
import { MAX_SEQUENCE } from '../../format/sst/internal-key.js';
import { readWalContents } from '../../states/wals.js';
import { fileState } from '../content.js';
import { emptyPlan } from '../empty-plan.js';
import type { RepairPlan } from '../plan.js';
import { databaseAfter } from '../preview.js';
import { joinPlans } from './join-plans.js';
import { planBlobRewrites } from './pebble-blob-rewrites.js';
import { planCorrectedManifest } from './pebble-corrections.js';
import { wholeEdits } from './pebble-edits.js';
import { planFirstManifest } from './pebble-first-manifest.js';
import { planPebbleNames } from './pebble-names.js';
import { planPebbleOptions } from './pebble-options.js';
import { isOlderManifest, ownTables, planRebuiltManifest } from './pebble-rebuild.js';
import { planRenamedLogs } from './pebble-renamed-logs.js';
import { planTruedSequences } from './pebble-sequences.js';
import { planSegmentsTwice } from './pebble-twice.js';
import { planSwappedLogs } from './swapped-logs.js';

/** Plans markers, CURRENT and a MANIFEST by which Pebble finds all that is there. */
export async function planPebbleMetadata(database: Database): Promise<RepairPlan> {
  // what else is found rests on which log is which
  for (const further of [planSegmentsTwice, planSwappedLogs]) {
    const first = await further(database);
    if (first !== undefined)
      return joinPlans(first, await planPebbleMetadata(await databaseAfter(database, first)));
  }
  const { inventory } = database;
  const hasManifest = inventory.entries.some(
    ({ kind, place }) => kind === 'manifest' && place === 'database',
  );
  if (!hasManifest && inventory.entries.some(({ kind }) => kind === 'table' || kind === 'wal')) {
    const manifest =
      ownTables(database).length > 0
        ? await planRebuiltManifest(database, 'there is no MANIFEST')
        : await planFirstManifest(database);
    return joinPlans(manifest, await planPebbleNames(await databaseAfter(database, manifest)));
  }
  const names = await planPebbleNames(database);
  const named = names.steps.length === 0 ? database : await databaseAfter(database, names);
  const manifest = await planManifest(named);
  let plan = manifest === undefined ? names : joinPlans(names, manifest);
  for (const further of [planBlobRewrites, planPebbleOptions, planRenamedLogs, planTruedSequences]) {
    const now = plan.steps.length === 0 ? database : await databaseAfter(database, plan);
    const next = await further(now);
    if (next !== undefined) plan = joinPlans(plan, next);
  }
  return plan;
}

/**
 * Pebble takes damage for the end of its MANIFEST, wherever it is, and deletes what later edits name. Where the edits that are whole
 * lead to tables that are all here, and no table is here that none of them named, nothing was in the others that counts: the file is
 * written with the whole ones alone. Else the tables say what is missing: of a MANIFEST that is whole and older than they are, too.
 */
async function planManifest(database: Database): Promise<RepairPlan | undefined> {
  const { manifest, version, pebble } = database;
  if (manifest?.named !== true || version === undefined || pebble === undefined) return undefined;
  const { error } = manifest.replay;
  const complete = manifest.replay.complete && error === undefined;
  const problem = problemOf(database);
  if (complete && (problem === undefined || !(await isOlderManifest(database))))
    return planCorrectedManifest(database);
  const plan =
    problem === undefined ? await planWholeEdits(database) : await planRebuiltManifest(database, problem);
  // after a hole edits may delete what none before them added
  const after = await asPebbleOpens(await databaseAfter(database, plan));
  if (after.manifest?.replay.error === undefined) return plan;
  return planRebuiltManifest(database, `the edits of ${manifest.entry.file} do not go together`, {
    byTables: true,
  });
}

async function planWholeEdits(database: Database): Promise<RepairPlan> {
  const { target } = database;
  const { entry } = database.manifest!;
  const edits = await wholeEdits(database, entry);
  return {
    ...emptyPlan(database, 'metadata'),
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
        content: [{ from: 'plan', bytes: encodeLogRecords(edits) }],
      },
    ],
    loss: (await unheld(database)).map(({ from, to }) => ({
      file: entry.file,
      detail: `sequences ${from} to ${to}: no table and no log that is here holds them; a table that a damaged edit named may be gone`,
      facts: { from: String(from), to: String(to) },
    })),
  };
}

/** Sequences that lie in no table that is named and in no log, up to the highest one of these. */
async function unheld(database: Database): Promise<{ from: bigint; to: bigint }[]> {
  const tables = [...(database.version?.columnFamilies.get(0)?.tables.values() ?? [])];
  const held = tables.map((table) => ({ from: table.smallestSequence, to: table.largestSequence }));
  for (const { first, last } of await readWalContents(database))
    if (first !== undefined && last !== undefined) held.push({ from: first, to: last });
  const holes: { from: bigint; to: bigint }[] = [];
  let next = FIRST_SEQUENCE;
  for (const { from, to } of held.sort((a, b) => (a.from < b.from ? -1 : 1))) {
    if (from > next) holes.push({ from: next, to: from - 1n });
    if (to >= next) next = to + 1n;
  }
  return holes;
}

/** Why the whole edits are not all: one that is lost added or removed a table, or said a number. */
function problemOf(database: Database): string | undefined {
  const { manifest, inventory, pebble } = database;
  const version = database.version!;
  const { replay, entry } = manifest!;
  const here = ownTables(database);
  const sizes = new Map(here.map(({ number, size }) => [number, BigInt(size)]));
  const tables = [...version.columnFamilies.values()].flatMap((family) => [...family.tables.values()]);
  const missing = tables
    .map((table) => fileBehind(version, table))
    .find(({ number, size }) => !pebble!.remote.has(number) && sizes.get(number) !== size);
  if (missing !== undefined)
    return `the edits of ${entry.file} name table ${missing.number}, which is not here as they have it`;
  const known = new Set([...replay.lastTables, ...version.backings.keys(), ...pebble!.ingested.keys()]);
  for (const table of tables) known.add(fileBehind(version, table).number);
  const unnamed = here.find(({ number }) => number !== undefined && !known.has(number));
  if (unnamed !== undefined) return `no edit of ${entry.file} names ${unnamed.file}`;
  if (replay.error !== undefined) return `the edits of ${entry.file} do not go together`;
  const reached = tables.reduce(
    (most, { largestSequence: own }) => (own > most && own < MAX_SEQUENCE ? own : most),
    0n,
  );
  const log = version.columnFamilies.get(0)?.logNumber ?? 0n;
  const hasLog = inventory.entries.some(({ kind, number }) => kind === 'wal' && number === log);
  return (version.lastSequence ?? 0n) >= reached && hasLog
    ? undefined
    : `the last sequence or log number of ${entry.file} does not fit the tables and logs`;
}
