import { namedKey } from '../app/command-lines.js';
import { LostTallies, type LostWords } from '../app/lost.js';
import type { Profile } from '../app/profile.js';
import type { Database } from '../engine/database.js';
import { filesDeleted } from '../engine/pebble-opened.js';
import type { Finding } from '../finding/finding.js';
import { unlessInterrupted } from '../io/interruption.js';
import { type Digest, digestFamily } from '../lsm/digest.js';
import { MemoryPool } from '../lsm/memory-pool.js';
import { recoveredView } from '../lsm/recovered-view.js';
import type { View } from '../lsm/view.js';
import { databaseView } from '../recovery/database-view.js';
import type { Loss } from '../recovery/loss.js';
import { ownMode } from '../recovery/mode.js';
import type { PreparedOpen } from '../recovery/open.js';
import { type SimulatedMode, type Simulation, simulateRecovery } from '../recovery/simulate.js';
import type { ContentsReport, LossReport, RecoveryReport } from '../report/report.js';

export interface SimulateHooks {
  /** Share of the work done, from 0 to 1. */
  onProgress?(share: number): void;
  /** Ends the work early: what modes show that were not reached is left out. */
  signal?: AbortSignal;
}

export interface SimulateSettings extends SimulateHooks {
  /** Count and hash what every mode would show: reads all tables, once for each mode that shows something else. */
  digest?: boolean;
  /** The application that the database belongs to: losses are said in its words. */
  profile?: Profile;
  /** Hold what every mode would show against the application's own rules. */
  application?: boolean;
  /** The database as it was prepared before. */
  prepared?: PreparedOpen;
}

/** What RocksDB would do in each of its recovery modes with a database whose metadata has been read. */
export async function simulateDatabase(
  database: Database,
  settings: SimulateSettings = {},
): Promise<RecoveryReport[]> {
  return (await simulatedDatabase(database, settings)).reports;
}

/** The same, with what it was made from. */
export async function simulatedDatabase(
  database: Database,
  settings: SimulateSettings = {},
): Promise<{ reports: RecoveryReport[]; simulation: Simulation }> {
  const { profile, prepared } = settings;
  const lost = profile && new LostTallies(profile);
  const simulation = await simulateRecovery(databaseView(database), database.engineVersion, {
    ...(prepared && { prepared }),
    ...(lost && { onLost: (batch, modes, damaged) => lost.add(batch, modes, damaged) }),
  });
  const reports = simulation.modes.map((mode, i) => modeReport(mode, database, profile, lost?.of(i)));
  await unlessInterrupted(
    () => lookAtContents(database, simulation.prepared, simulation.modes, reports, settings),
    undefined,
  );
  return { reports, simulation };
}

function modeReport(
  mode: SimulatedMode,
  database: Database,
  profile: Profile | undefined,
  commands: LostWords | undefined,
): RecoveryReport {
  const { lost } = mode;
  const flushFails =
    mode.opens && !database.options.avoidFlushDuringRecovery && mode.unflushable !== undefined;
  return {
    mode: mode.mode,
    ...(mode.mode === ownMode(database) && { own: true as const }),
    opens: mode.opens,
    harmless:
      mode.opens && !flushFails && !mode.appliesUnseen && lost?.records === 0 && lost.damagedBytes === 0,
    ...(mode.errorText !== undefined && { error: mode.errorText }),
    ...(mode.errorKind !== undefined && { errorKind: mode.errorKind }),
    ...(mode.errorFile !== undefined && { errorFile: mode.errorFile }),
    ...(mode.opens && { lastSequence: String(mode.lastSequence) }),
    ...(mode.sameAs !== undefined && { sameAs: mode.sameAs }),
    ...(mode.opens && database.pebble && { deletes: filesDeleted(database) }),
    lost: lost === undefined ? {} : { ...lossReport(lost, profile), ...(commands && { commands }) },
    wals: mode.wals
      .filter(({ state }) => state !== 'not-needed')
      .map(({ file, state, records, operations, stoppedAt, stopError }) => ({
        file,
        state,
        records,
        operations,
        ...(stoppedAt !== undefined && { stoppedAt }),
        ...(stopError !== undefined && { reason: stopError.message }),
      })),
    ...(flushFails && { flushFails: unflushableText(mode) }),
  };
}

function unflushableText({ unflushable }: SimulatedMode): string {
  return unflushable === undefined ? '' : `${unflushable.kind} at sequence ${unflushable.sequence}`;
}

function lossReport(loss: Loss, profile: Profile | undefined): LossReport {
  const { firstSequence, lastSequence, columnFamilies, ...counts } = loss;
  return {
    ...counts,
    ...(firstSequence !== undefined && { firstSequence: String(firstSequence) }),
    ...(lastSequence !== undefined && { lastSequence: String(lastSequence) }),
    columnFamilies: columnFamilies.map(({ id, name, operations, firstKey, lastKey }) => ({
      id,
      name,
      operations,
      ...(firstKey && { firstKey: namedKey(firstKey, id, profile) }),
      ...(lastKey && { lastKey: namedKey(lastKey, id, profile) }),
    })),
  };
}

/** Findings of a mode's contents that a report keeps. */
const KEPT = 50;

/** Opens what each mode would show, once where modes show the same, and reads of it what `settings` ask for. */
async function lookAtContents(
  database: Database,
  prepared: PreparedOpen,
  modes: readonly SimulatedMode[],
  reports: RecoveryReport[],
  { digest: withDigest = false, application = false, profile, onProgress, signal }: SimulateSettings,
): Promise<void> {
  const checked = application && profile?.check ? profile : undefined;
  if (database.version === undefined || (!withDigest && checked === undefined)) return;
  const pool = new MemoryPool();
  const different = modes.filter(({ opens, sameAs }) => opens && sameAs === undefined);
  for (const [i, mode] of different.entries()) {
    if (signal?.aborted) return;
    const view = await recoveredView(database, prepared, mode, { pool }, mode.mode === 'default');
    try {
      const onShare = (share: number) => onProgress?.((i + share) / different.length);
      const families = withDigest ? (await digests(view, onShare)).map(familyDigest) : undefined;
      const contents = checked === undefined ? undefined : await contentsOf(view, checked);
      for (const [k, { opens, mode: name, sameAs }] of modes.entries()) {
        if (!opens || (name !== mode.mode && sameAs !== mode.mode)) continue;
        if (families !== undefined) reports[k].columnFamilies = families;
        if (families?.some(({ shownAgain }) => shownAgain)) reports[k].harmless = false;
        if (contents !== undefined) reports[k].contents = contents;
      }
      onShare(1);
    } finally {
      view.close();
    }
  }
}

async function digests(view: View, onShare: (share: number) => void): Promise<Digest[]> {
  const found: Digest[] = [];
  for (const [i, { id }] of view.columnFamilies.entries()) {
    // in an order that is only guessed there is nothing to count
    if (view.order(id).known) found.push(await digestFamily(view, id));
    onShare((i + 1) / view.columnFamilies.length);
  }
  return found;
}

function familyDigest({ name, entries, fnv1a64, unmerged, shownAgain, complete, problems }: Digest) {
  const [problem] = complete ? [] : problems.slice(-1);
  return {
    name,
    entries,
    fnv1a64,
    ...(unmerged > 0 && { unmerged }),
    ...(shownAgain > 0 && { shownAgain }),
    ...(problem && { problem: { file: problem.file, message: problem.message } }),
  };
}

/** Whether what readers see keeps the application's own rules. */
async function contentsOf(view: View, profile: Profile): Promise<ContentsReport> {
  const counts = { error: 0, warning: 0, note: 0 };
  const findings: Finding[] = [];
  await profile.check?.(view, (finding) => {
    counts[finding.severity]++;
    if (finding.severity !== 'note' && findings.length < KEPT) findings.push(finding);
  });
  const { error: errors, warning: warnings, note: notes } = counts;
  return { coherent: errors + warnings === 0, errors, warnings, notes, findings };
}
