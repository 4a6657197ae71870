import type { Depth } from '../check/unit.js';
import { type Database, liveWals, readDatabase } from '../engine/database.js';
import { fileKey, withoutFiles } from '../engine/named-files.js';
import type { InventoryEntry } from '../io/inventory.js';
import { openSource } from '../io/source.js';
import { keyOf, liveBlobs, liveTables, planUnits } from './plan.js';
import { type FileOutcome, type RunHooks, runPlan } from './run.js';

/** A scan of a directory as it stands after its units have run. */
interface ScanState {
  database: Database;
  outcomes: FileOutcome[];
  depth: Depth;
  jobs: number;
  /** A process is known to hold the database. */
  owned: boolean;
}

/** Readings of a directory under load, until what is left is not the engine's own moving of files. */
const ROUNDS = 5;

const VANISHED = 'the file was gone when it was to be read';

/**
 * A running engine writes on while it is scanned: tables appear and go, the MANIFEST grows, a WAL ends in mid-record. Before
 * anything is called damaged or missing, the version is read again, and every file that had something wrong is looked at
 * again under it, and `onUnit` called for it. A directory that no process writes to is returned as it is.
 */
export async function settle(state: ScanState, onUnit: RunHooks['onUnit']): Promise<ScanState> {
  let { database, outcomes, owned } = state;
  for (let round = 0; round < ROUNDS; round++) {
    if (!outcomes.some(isVanished) && !(await hasMoved(database))) break;
    owned = true;
    const wasLive = liveFiles(database);
    database = await readDatabase(database.target, database.request);
    outcomes = await lookAgain(database, outcomes, wasLive, state, onUnit);
  }
  const settled = { ...state, database, outcomes, owned };
  return outcomes.some(isVanished) ? withoutReplaced(settled) : settled;
}

function isVanished({ vanished }: FileOutcome): boolean {
  return vanished;
}

/**
 * An engine that replaces its files faster than they are looked at: those that vanished, and that its MANIFEST no longer names, are no
 * part of the database any more. What was written in their place is newer than this scan.
 */
async function withoutReplaced(state: ScanState): Promise<ScanState> {
  const { database, outcomes } = state;
  const now = liveFiles(await readDatabase(database.target, database.request));
  const replaced = new Set(
    outcomes.filter((o) => o.vanished && !now.has(keyOf(o.entry))).map((o) => o.entry),
  );
  const keys = new Set([...replaced].map(fileKey));
  const entries = database.inventory.entries.filter((entry) => !replaced.has(entry));
  return {
    ...state,
    database: {
      ...database,
      inventory: { ...database.inventory, entries },
      ...(database.version && { version: withoutFiles(database.version, (key) => keys.has(key)) }),
    },
    outcomes: outcomes
      .filter(({ entry }) => !replaced.has(entry))
      .map((o) =>
        o.vanished ? { ...o, unchecked: [...o.unchecked, { file: o.entry.file, reason: VANISHED }] } : o,
      ),
  };
}

/** Whether the MANIFEST or the newest WAL is no longer as long as it was, or is no longer there. */
async function hasMoved(database: Database): Promise<boolean> {
  const watched = [database.manifest?.entry, database.current?.entry, liveWals(database).at(-1)];
  for (const entry of watched) {
    if (entry !== undefined && (await sizeNow(entry)) !== entry.size) return true;
  }
  return false;
}

async function sizeNow(entry: InventoryEntry): Promise<number | undefined> {
  try {
    const source = await openSource(entry.source);
    await source.close();
    return source.size;
  } catch {
    return undefined;
  }
}

function liveFiles(database: Database): Set<string> {
  const tables = liveTables(database);
  const blobs = liveBlobs(database);
  const number = (entry: InventoryEntry) => entry.number ?? -1n;
  return new Set([
    ...liveWals(database).map(keyOf),
    ...database.inventory.entries
      .filter(
        (e) => (e.kind === 'table' && tables.has(number(e))) || (e.kind === 'blob' && blobs.has(number(e))),
      )
      .map(keyOf),
  ]);
}

async function lookAgain(
  database: Database,
  outcomes: readonly FileOutcome[],
  wasLive: ReadonlySet<string>,
  { depth, jobs }: ScanState,
  onUnit: RunHooks['onUnit'],
): Promise<FileOutcome[]> {
  const before = new Map(outcomes.map((o) => [keyOf(o.entry), o]));
  const isLive = liveFiles(database);
  const kept: FileOutcome[] = [];
  const again = new Set<InventoryEntry>();
  for (const entry of database.inventory.entries) {
    const key = keyOf(entry);
    const outcome = before.get(key);
    if (outcome === undefined) continue;
    const doubtful = outcome.vanished || outcome.findings.some((f) => f.severity !== 'note');
    if (doubtful || (isLive.has(key) && !wasLive.has(key))) again.add(entry);
    else kept.push({ ...outcome, entry });
  }
  const units = (await planUnits(database, depth, jobs)).filter((unit) => again.has(unit.entry));
  return [...kept, ...(await runPlan(units, jobs, { onUnit }))];
}
