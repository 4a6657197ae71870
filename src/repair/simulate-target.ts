import { availableParallelism } from 'node:os';
import type { ProfileChoice } from '../app/profile-choice.js';
import { profileOf } from '../app/profile-of.js';
import { append } from '../bytes/append.js';
import { goneWals } from '../check/directory/tracked-wals.js';
import { type Database, type DatabaseRequest, liesElsewhere, readDatabase } from '../engine/database.js';
import { encryptedFiles } from '../engine/foreign-files.js';
import { commandOn } from '../engine/given-options.js';
import { goneFirstWal } from '../engine/pebble-first-wal.js';
import { asPebbleOpens } from '../engine/pebble-opened.js';
import { unseenParts } from '../engine/unseen.js';
import { reasonWalsAlone } from '../engine/wals-alone.js';
import { counted } from '../finding/quantity.js';
import { shellWord } from '../finding/shell-word.js';
import { unlessInterrupted } from '../io/interruption.js';
import { diskReader } from '../io/reader.js';
import type {
  RecommendationReport,
  RecoveryReport,
  RepairDbReport,
  StateReport,
  TargetReport,
} from '../report/report.js';
import { applicationReport, contentsUnchecked, sayRebuilding } from '../scan/application-report.js';
import { type SimulateHooks, simulateDatabase } from '../scan/simulate-database.js';
import {
  columnFamilyReports,
  emptyTarget,
  reasonNotToCheck,
  uncheckedEncrypted,
  uncheckedOrders,
  withinLimits,
} from '../scan/target.js';
import { readability } from '../scan/unreadable.js';
import { goneFirstSegment, losesWrites } from '../states/gone-wals.js';
import { uncheckedIngests } from '../states/unnamed-ingests.js';
import { hidesNewerKeys, pebbleAdvice, unforeseen } from './pebble-advice.js';
import type { LossStatement } from './plan.js';
import { recommendation } from './recommend.js';
import { repairDbOutcome } from './repairdb-outcome.js';
import { salvageColumn } from './salvage-column.js';
import { simulateRaftEngine } from './simulate-raft-engine.js';
import { databaseAsState, stateChoices } from './state-seen.js';

export interface SimulateOptions extends DatabaseRequest {
  /** Count and hash what every mode would show. */
  digest?: boolean;
  /** The application whose bytes these are, or that none is to be looked for. Default: it is recognised. */
  profile?: ProfileChoice;
  /** Hold what every mode would show against the application's own rules. */
  application?: boolean;
  /** One of the states that the files can give, by its number; default: what CURRENT leads to. */
  state?: number;
}

/**
 * What the engine would do with a database in each of its recovery modes, what `--strategy salvage` would keep, and which way
 * out is the best one. Only reads. Rejects with a `TargetError` when the directory cannot be listed.
 */
export async function simulateTarget(
  target: string,
  { digest = false, profile: choice, application = false, state, ...request }: SimulateOptions = {},
  hooks: SimulateHooks = {},
): Promise<TargetReport> {
  const read = await readDatabase(target, request);
  if (read.detection.kind === 'raft-engine') return simulateRaftEngine(target, read, hooks);
  const own = await asPebbleOpens(read);
  const report = emptyTarget(target, own);
  const unsupported = reasonNotToCheck(own) ?? reasonWalsAlone(own);
  if (unsupported !== undefined) {
    report.unchecked.push({ file: '.', reason: unsupported });
    return report;
  }
  const encrypted = liesElsewhere(own)
    ? undefined
    : await encryptedFiles(own.inventory, diskReader(own.target));
  if (encrypted !== undefined && encrypted.size > 0) {
    // to a simulation they would be damaged
    for (const [file, method] of encrypted) report.unchecked.push(uncheckedEncrypted(file, method));
    return report;
  }
  const isPebble = own.dialect === 'pebble';
  const isLevelDb = own.dialect === 'leveldb';
  const states = isPebble || (isLevelDb && !leadsNowhere(own)) ? [] : await stateChoices(own);
  const gone = isPebble ? [] : goneWals(own);
  const first = isPebble ? (goneFirstWal(own) ?? (await goneFirstSegment(own))) : undefined;
  const goneFiles = first === undefined ? gone.map(({ file }) => file) : [first];
  if (goneFiles.length > 0) report.goneWals = goneFiles;
  if (states.length > 0) report.states = states;
  if (state !== undefined) report.state = state;
  const taken = state === undefined ? undefined : await databaseAsState(own, state);
  const { seen: database, loss } = taken ?? { seen: own, loss: [] };
  report.columnFamilies = columnFamilyReports(database);
  append(report.unchecked, uncheckedOrders(database));
  append(report.unchecked, unseenParts(database));
  append(report.unchecked, await unlessInterrupted(() => uncheckedIngests(database), []));
  // the engine opens every table: what it would say of those that are not here says nothing of the database
  if (database.absent.some(({ tables }) => tables.length > 0)) return report;
  const profile = await profileOf(database, choice);
  if (profile !== undefined) report.application = applicationReport(profile);
  else if (application) contentsUnchecked(report, 'no application is recognised');
  const settings = { ...hooks, digest, application, ...(profile && { profile }) };
  const modes = await unlessInterrupted(
    () => withinLimits(() => simulateDatabase(database, settings), report),
    undefined,
  );
  if (modes === undefined) return report;
  const whole = modes.every(({ harmless, lost }) => harmless && !lost.tornBytes);
  const salvage =
    whole || isLevelDb || isPebble || liesElsewhere(own)
      ? undefined
      : await unlessInterrupted(() => salvageColumn(database, settings), undefined);
  report.recovery = salvage === undefined ? modes : [...modes, salvage];
  if (hooks.signal?.aborted) return report;
  if (report.recovery.some(({ opens }) => opens)) await readTables(database, report, hooks);
  if (isPebble && digest) await withholdHidden(database, report);
  if (isPebble && digest) withholdUnexplained(report);
  // what another state keeps, or what this one gives up, was acknowledged
  const keepsLess = taken === undefined ? states.length > 0 && !states[0].current : loss.length > 0;
  const goneFor = states.flatMap((each) => each.gone ?? []);
  const isHoled = losesWrites(gone, goneFor);
  if (keepsLess || isHoled) for (const mode of modes) mode.harmless = false;
  if (givesUpTables(database)) for (const mode of modes) mode.harmless = false;
  const asked = modes.find((mode) => mode.own) ?? modes[0];
  if (liesElsewhere(own)) return { ...report, ...(own.archived && { archive: own.archived }) };
  if (!asked.harmless || asked.contents?.coherent === false) await sayRebuilding(report, profile);
  if (isLevelDb && !asked.harmless) {
    const repairDb = await unlessInterrupted(() => repairDbOutcome(own, digest), undefined);
    if (repairDb !== undefined) report.repairDb = repairDb;
  }
  const asFound = state === undefined && states[0]?.current === true && gone.length > 0;
  // where the engine does not keep the files as they are, and they are what loses least, the way out is about the WALs
  if (
    states.length > 0 &&
    !report.application?.rebuild?.command &&
    (!asFound || (asked.opens && (isHoled || asked.harmless)))
  ) {
    report.recommendation = asFound
      ? holeRecommendation(own, states, isHoled)
      : stateRecommendation(own, states, state, loss);
    if (isLevelDb && !asked.harmless)
      report.recommendation.reason = `${levelDbWarning(own, asked, report.repairDb)} ${report.recommendation.reason}`;
    return report;
  }
  if (isLevelDb || isPebble) {
    report.recommendation = isPebble
      ? pebbleAdvice(database, modes)
      : levelDbAdvice(database, modes, report.repairDb);
    return report;
  }
  report.recommendation = await recommendation(database, modes, salvage, {
    ...(profile && { profile }),
    ...(report.application?.rebuild && { rebuild: report.application.rebuild }),
  });
  if (asFound && !isHoled)
    report.recommendation.reason += ` ${holeRecommendation(own, states, isHoled).reason}`;
  return report;
}

/** Pebble would go by less than what the directory holds, and delete the rest. */
function givesUpTables(database: Database): boolean {
  const { pebble, manifest, inventory } = database;
  if (pebble === undefined) return false;
  if (pebble.isNew) return inventory.entries.some(({ kind }) => kind === 'table' || kind === 'wal');
  return manifest?.replay.complete === false;
}

/** Nothing brings back what a WAL held that is gone: the hole can be accepted as it is, or a state be taken that ends before it. */
function holeRecommendation(
  database: Database,
  [current, ...others]: readonly StateReport[],
  isHoled: boolean,
): RecommendationReport {
  const gone = goneWals(database).map(({ file }) => file);
  const named = `${gone.join(', ')} ${gone.length === 1 ? 'is' : 'are'}`;
  if (!isHoled)
    return {
      reason: `${named} gone; the engine opens without it, with ${current.detail}. The sequences run on over it, so tables may hold all that it held; a backup or a replica that has the file settles it.`,
    };
  const before = others.find(({ current: own }) => !own);
  const holds = `${named} gone or cut short; the engine opens over the hole as the files are, with ${current.detail}`;
  const { next, command } = restoreWals(database, gone);
  return before === undefined
    ? { command, reason: `${holds}. ${next[0].toUpperCase()}${next.slice(1)}.` }
    : {
        command: commandOn(database, `repair --strategy auto --state ${before.number} --dry-run`),
        reason: `${holds}. State ${before.number} ends the WALs before it and gives up what lies after, which the plan counts${before.coherent ? '' : '; tables that were flushed later stay, so column families end at different points'}. A backup or a replica may have the WAL.`,
      };
}

/** What is left where WALs are gone and no state ends before them. `COPY` is for the reader to fill in. */
export function restoreWals(
  { inventory, target }: Database,
  gone: readonly string[],
): { next: string; command: string } {
  const place = inventory.roots.find((root) => root.place === 'wal-dir')?.directory ?? target;
  const files = gone.map((file) => `COPY/${file}`).join(' ');
  return {
    next: `nothing here brings back what ${gone.join(', ')} held: a backup, a checkpoint or a replica may have ${gone.length === 1 ? 'the file' : 'them'}; without it the server starts as well, and what it held stays lost`,
    command: `cp -p ${files} ${shellWord(`${place}/`)}`,
  };
}

/** The command that leads to the state in question: the one that was asked for, or the one that loses least. */
function stateRecommendation(
  database: Database,
  [best]: readonly StateReport[],
  state: number | undefined,
  loss: readonly LossStatement[],
): RecommendationReport {
  const taken = state === undefined ? '' : ` --state ${state}`;
  const given = loss.map(({ file, detail }) => `${file}: ${detail}`).join('; ');
  return {
    command: commandOn(database, `repair --strategy auto${taken} --dry-run`),
    reason:
      state === undefined
        ? `The files are not of one moment, or something is missing. The state that loses least: ${best.detail}.`
        : `This is what state ${state} comes to${given === '' ? '' : `; it gives up ${given}`}.`,
  };
}

/** Reads what an open leaves to readers, and says of every mode that opens what these do not get. */
async function readTables(database: Database, report: TargetReport, hooks: SimulateHooks): Promise<void> {
  const { unreadable, unchecked, bytesRead } = await readability(database, availableParallelism(), {
    ...(hooks.signal && { signal: hooks.signal }),
    onProgress: ({ done, total }) => hooks.onProgress?.(total > 0 ? done / total : 0),
  });
  append(report.unchecked, unchecked);
  report.bytesRead += bytesRead;
  if (unreadable === undefined) return;
  for (const mode of report.recovery ?? []) {
    if (!mode.opens) continue;
    mode.unreadable = unreadable;
    mode.harmless = false;
    const guess = database.pebble && (await unforeseen(database, mode, unreadable));
    if (guess !== undefined) {
      delete mode.columnFamilies;
      report.unchecked.push(guess);
    }
    if (mode.contents !== undefined) mode.contents = { ...mode.contents, coherent: false, incomplete: true };
  }
}

/** Where it is not known which keys Pebble hides, none are counted. */
async function withholdHidden(database: Database, report: TargetReport): Promise<void> {
  const modes = (report.recovery ?? []).filter(({ columnFamilies }) => columnFamilies !== undefined);
  const hidden = modes.length === 0 ? undefined : await hidesNewerKeys(database);
  if (hidden === undefined) return;
  report.unchecked.push(hidden);
  for (const mode of modes) {
    delete mode.columnFamilies;
    mode.harmless = false;
  }
}

/** Where a walk ends at what no check of a file calls damaged, as at a value of another length than its table says, nothing is counted. */
function withholdUnexplained(report: TargetReport): void {
  if (report.unchecked.length > 0) return;
  for (const mode of report.recovery ?? []) {
    const [problem] = mode.columnFamilies?.flatMap((family) => family.problem ?? []) ?? [];
    if (problem === undefined || mode.unreadable !== undefined) continue;
    report.unchecked.push({ file: problem.file, reason: problem.message });
    delete mode.columnFamilies;
  }
}

/** What RepairDB would make of these files. */
function repairDbInNumbers({ kept, lost, changed, added }: RepairDbReport): string {
  const of = `Of the ${counted(kept, 'entry', 'entries')} that repair --strategy auto keeps`;
  if (lost === 0 && changed === 0 && added === 0)
    return `${of} it would keep all here, in tables of level 0, where Get may find older values.`;
  return `${of} it would lose ${lost} and change ${changed} here, and show ${added} that were deleted or never written.`;
}

/** Files that the advice names one by one. */
const NAMED = 5;

/**
 * What LevelDB removes from the directory when it opens (leveldb db/db_impl.cc `RemoveObsoleteFiles`): WALs, which it has replayed
 * or which stand below the log number, tables that the MANIFEST does not name, older MANIFESTs, temporary files.
 */
function deletedByOpen({ inventory, version, manifest }: Database): string[] {
  const live = new Set(
    [...(version?.columnFamilies.values() ?? [])].flatMap(({ tables }) => [...tables.keys()]),
  );
  return inventory.entries
    .filter(({ place }) => place === 'database')
    .filter(({ kind, number }) => {
      if (kind === 'wal') return true;
      if (kind === 'table') return number === undefined || !live.has(number);
      if (kind === 'manifest') return true;
      return kind === 'temporary' && number !== manifest?.entry.number;
    })
    .map(({ file }) => file);
}

/**
 * Whether states are worth listing: LevelDB does not open what is here, or tables go further than the MANIFEST. A table of another size than the MANIFEST says, it reads as
 * far as it can.
 */
function leadsNowhere({ current, manifest, inventory, version }: Database): boolean {
  if (current === undefined || manifest === undefined || !manifest.named || version === undefined)
    return true;
  const { complete, error, tail } = manifest.replay;
  if (!complete || error !== undefined || tail.state === 'torn') return true;
  const own = inventory.entries.filter(({ place }) => place === 'database');
  const next = version.nextFileNumber ?? 0n;
  if (own.some(({ kind, number = 0n }) => kind === 'table' && number >= next)) return true;
  const here = new Set(
    inventory.entries
      .filter(({ kind, place }) => kind === 'table' && place === 'database')
      .map((e) => e.number),
  );
  return [...version.columnFamilies.values()].some(({ tables }) =>
    [...tables.keys()].some((n) => !here.has(n)),
  );
}

/** What to do with a LevelDB directory, and above all what not to do. */
function levelDbAdvice(
  database: Database,
  modes: readonly RecoveryReport[],
  repairDb: RepairDbReport | undefined,
): RecommendationReport {
  const own = modes.find((mode) => mode.own) ?? modes[0];
  if (own.harmless) return { reason: 'LevelDB opens it and loses nothing.' };
  return {
    command: commandOn(database, 'repair --strategy auto --dry-run'),
    reason: levelDbWarning(database, own, repairDb),
  };
}

/** What an open would do to the directory, and what RepairDB would. The first words say what must not be done. */
function levelDbWarning(
  database: Database,
  own: RecoveryReport,
  repairDb: RepairDbReport | undefined,
): string {
  const { current, manifest, inventory } = database;
  const copy = ` Copy the directory first. RepairDB is no way out: it believes WALs whose checksums do not hold and so changes and invents entries, drops whole tables, brings deleted keys back, and says OK.${repairDb === undefined ? '' : ` ${repairDbInNumbers(repairDb)}`}`;
  if (current === undefined || manifest === undefined || !manifest.named) {
    const tables = inventory.entries.filter(
      ({ kind, place }) => kind === 'table' && place === 'database',
    ).length;
    const lost = tables === 0 ? '' : `: all ${tables} tables would be deleted`;
    return `Do not open it: with create_if_missing LevelDB makes a new database in its place${lost}.${copy}`;
  }
  if (!own.opens)
    return `Do not open it. LevelDB itself refuses (${own.error}) and changes nothing; programs that then repair it or begin anew do.${copy}`;
  const deleted = deletedByOpen(database);
  const more = deleted.length > NAMED ? ` and ${deleted.length - NAMED} more` : '';
  return `Do not open it: LevelDB would open without what is damaged, and delete ${deleted.slice(0, NAMED).join(', ')}${more}.${copy}`;
}
