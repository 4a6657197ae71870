/**
 * Puts back what names the parts of a Pebble directory: markers, which are empty files that copies like to leave out, and CURRENT at
 * format version 1. Without them Pebble makes a new database and deletes every table (pebble open.go).
 */
import { type Database, filesOf } from '../../engine/database.js';
import { NEWEST_FORMAT_VERSION } from '../../engine/pebble.js';
import { type ManifestReplay, replayManifest } from '../../format/manifest/replay.js';
import { fileBehind } from '../../format/manifest/version.js';
import { MAX_SEQUENCE } from '../../format/sst/internal-key.js';
import type { InventoryEntry } from '../../io/inventory.js';
import { fileState } from '../content.js';
import { emptyPlan } from '../empty-plan.js';
import type { RepairPlan, RepairStep } from '../plan.js';
import { Refusal } from '../refusal.js';
import { currentStep } from './metadata-write.js';

/** A MANIFEST, and whether a database can go by it. */
interface Candidate {
  entry: InventoryEntry;
  replay: ManifestReplay;
  /** No edit is lost, and every table is there with its size. */
  isSound: boolean;
  /** The log that it begins with is here. */
  hasLog: boolean;
}

export async function planPebbleNames(database: Database): Promise<RepairPlan> {
  const { inventory, target } = database;
  const candidates = await readManifests(database);
  const steps = namesSteps(database, candidates);
  const read = inventory.entries.filter(
    ({ kind, place }) =>
      place === 'database' && (kind === 'manifest' || kind === 'pebble-marker' || kind === 'current'),
  );
  return {
    ...emptyPlan(database, 'metadata'),
    inputs:
      steps.length === 0 ? [] : await Promise.all(read.map(({ file }) => fileState(target, { path: file }))),
    steps,
  };
}

function namesSteps(database: Database, candidates: readonly Candidate[]): RepairStep[] {
  const { pebble, current, options } = database;
  if (pebble === undefined) return [];
  const { formatMarker, manifestMarker, malformed, manifest: named } = pebble;
  const stated = options.pebble?.formatVersion;
  const best = bestOf(candidates, named);
  const removed = malformed.map((entry) =>
    removal(entry, 'Pebble refuses every name that begins like a marker and is none'),
  );
  const namesReal = current?.decoded.anomalies.length === 0 && current.decoded.number !== 0n;
  const isFirstVersion =
    manifestMarker === undefined && (stated ?? 1) <= 1 && (formatMarker === undefined || namesReal);
  if (isFirstVersion) {
    // format version 1 has no marker: one that was put in makes Pebble look for the others
    const strange =
      formatMarker === undefined ? [] : [removal(formatMarker, 'format version 1 has no marker')];
    const byCurrent = current?.decoded.anomalies.length === 0 ? current.decoded.number : undefined;
    const isRight = byCurrent !== undefined && best !== undefined && byCurrent === best.entry.number;
    if (isRight) return [...removed, ...strange];
    const name = needed(best, database).entry.name;
    return [...removed, ...strange, currentStep(database, name, whyOf(name, byCurrent, candidates))];
  }
  return [...removed, ...versionMarker(database, stated), ...manifestMarkerSteps(database, best, candidates)];
}

/** The edits that a MANIFEST has before anything names it: what is there, and what it was begun for. */
const UNNAMED = 2;

function needed(best: Candidate | undefined, { inventory }: Database): Candidate {
  if (best !== undefined) return best;
  const any = inventory.entries.some(({ kind }) => kind === 'table' || kind === 'wal');
  throw new Refusal(
    'refused',
    `there is no MANIFEST to name${any ? ', and nothing else says on which level tables belong' : ''}`,
    'restore the newest MANIFEST from a backup; do not open the directory',
  );
}

/** What CURRENT or the marker names while it is sound; else the MANIFEST that is sound and goes furthest. */
function bestOf(candidates: readonly Candidate[], named: bigint | undefined): Candidate | undefined {
  const own = candidates.find(({ entry }) => entry.number === named);
  // one is an older state where the log of a newer one is here, and its own is gone, or the newer one has been written to
  const isPassed = candidates.some(
    ({ entry, replay, isSound, hasLog }) =>
      isSound &&
      hasLog &&
      (entry.number ?? 0n) > (own?.entry.number ?? MAX_SEQUENCE) &&
      (own?.hasLog === false || replay.records > UNNAMED),
  );
  if (own?.isSound && !isPassed && !isBegunAnew(own, candidates)) return own;
  // one whose log is here is put right: an older state would be a loss that nothing says
  const sound = candidates
    .filter(({ isSound, hasLog }) => isSound && (hasLog || !(isPassed || own?.hasLog)))
    .sort(furthestFirst);
  // of none that is sound the one that was named is put right
  const [best] = sound.filter((each) => !isBegunAnew(each, candidates));
  return (
    best ??
    (own !== undefined && !isBegunAnew(own, candidates) ? own : [...candidates].sort(furthestFirst)[0])
  );
}

/** A MANIFEST of a new database beside an older one that had tables. */
function isBegunAnew({ replay }: Candidate, candidates: readonly Candidate[]): boolean {
  if (!replay.complete || replay.lastTables.length > 0) return false;
  const next = replay.version.nextFileNumber ?? 0n;
  return candidates.some(
    ({ replay: other }) => other.lastTables.length > 0 && (other.version.nextFileNumber ?? 0n) > next,
  );
}

function furthestFirst(a: Candidate, b: Candidate): number {
  const [x, y] = [a, b].map(({ replay }) => replay.version.nextFileNumber ?? 0n);
  if (x !== y) return x > y ? -1 : 1;
  return (a.entry.number ?? 0n) > (b.entry.number ?? 0n) ? -1 : 1;
}

async function readManifests(database: Database): Promise<Candidate[]> {
  const { inventory } = database;
  const sizes = new Map(
    inventory.entries
      .filter(({ kind, place }) => kind === 'table' && place === 'database')
      .map(({ number, size }) => [number, BigInt(size)]),
  );
  const candidates: Candidate[] = [];
  for (const entry of inventory.entries) {
    if (entry.kind !== 'manifest' || entry.place !== 'database' || entry.number === undefined) continue;
    const source = await filesOf(database).open(entry.source);
    try {
      const replay = await replayManifest(source, { dialect: 'pebble', files: inventory.entries.length });
      const { version, complete, error } = replay;
      const hasTables = [...version.columnFamilies.values()].every(({ tables }) =>
        [...tables.values()].every((table) => {
          const { number, size } = fileBehind(version, table);
          return database.pebble?.remote.has(number) || sizes.get(number) === size;
        }),
      );
      const isSound = complete && error === undefined && replay.records > 0 && hasTables;
      const log = version.columnFamilies.get(0)?.logNumber ?? 0n;
      const hasLog = inventory.entries.some(({ kind, number }) => kind === 'wal' && number === log);
      candidates.push({ entry, replay, isSound, hasLog });
    } finally {
      await source.close();
    }
  }
  return candidates;
}

/** The marker of the format version, by what OPTIONS says, where there is none that can be right. */
function versionMarker({ pebble, inventory }: Database, stated: number | undefined): RepairStep[] {
  const { formatMarker, formatVersion: version } = pebble!;
  const isRight =
    formatMarker !== undefined &&
    version !== undefined &&
    version > 0 &&
    version <= NEWEST_FORMAT_VERSION &&
    version >= (stated ?? 0);
  if (isRight) return [];
  if (stated === undefined) {
    throw new Refusal(
      'refused',
      'no marker says the format version, and OPTIONS does not, either',
      'the engine wrote it into its log; then: touch marker.format-version.000001.NNN',
    );
  }
  // releases before 2.0 go from version 1 up, one move each
  const iteration = formatMarker?.marker?.iteration ?? BigInt(Math.max(stated - 1, 1));
  const name = markerName('format-version', iteration, String(stated).padStart(3, '0'));
  return [
    ...markersOf(inventory.entries, 'format-version')
      .filter((entry) => entry.name !== name)
      .map((entry) => removal(entry, `it does not say format version ${stated}, which OPTIONS does`)),
    markerStep(name, `OPTIONS says format version ${stated}`),
  ];
}

function manifestMarkerSteps(
  database: Database,
  best: Candidate | undefined,
  candidates: readonly Candidate[],
): RepairStep[] {
  const { pebble, inventory } = database;
  const { manifestMarker } = pebble!;
  const { entry } = needed(best, database);
  const named = /^MANIFEST-(\d+)$/.exec(manifestMarker?.marker?.value ?? '')?.[1];
  const number = named === undefined ? undefined : BigInt(named);
  if (number === entry.number) return [];
  const others = markersOf(inventory.entries, 'manifest');
  const same = others.find(({ marker: each }) => each?.value === entry.name);
  const why = whyOf(entry.name, number, candidates);
  const left = others.filter((each) => each !== same).map((each) => removal(each, why));
  if (same !== undefined) return left;
  let iteration = 0n;
  for (const each of others) if (each.marker!.iteration > iteration) iteration = each.marker!.iteration;
  return [...left, markerStep(markerName('manifest', iteration + 1n, entry.name), why)];
}

function whyOf(name: string, named: bigint | undefined, candidates: readonly Candidate[]): string {
  const found = candidates.find(({ entry }) => entry.name === name);
  const fits = found?.isSound
    ? 'is whole, and every table that it names is here'
    : 'is the MANIFEST that goes furthest';
  if (named === undefined) return `nothing names a MANIFEST; ${name} ${fits}`;
  return `another MANIFEST is named; ${name} ${fits}`;
}

function markersOf(entries: readonly InventoryEntry[], name: string): InventoryEntry[] {
  return entries.filter((entry) => entry.place === 'database' && entry.marker?.name === name);
}

function markerName(name: string, iteration: bigint, value: string): string {
  return `marker.${name}.${String(iteration).padStart(6, '0')}.${value}`;
}

/** A marker: an empty file. */
export function markerStep(path: string, why: string): RepairStep {
  return {
    action: 'write',
    path,
    why,
    changes: [{ kind: 'create-file', offset: 0, length: 0, detail: 'an empty file: a marker is its name' }],
    content: [],
  };
}

/** What takes a file away whose name says what is not so. */
export function removal({ file, size }: InventoryEntry, why: string): RepairStep {
  return {
    action: 'remove',
    path: file,
    why,
    changes: [{ kind: 'remove-file', offset: 0, length: size, detail: 'all of it' }],
  };
}
