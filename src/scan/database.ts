import { profiling } from '../app/profile-of.js';
import { placedIn } from '../diagnose/database.js';
import { LiveTables } from '../diagnose/live-tables.js';
import type { Database } from '../engine/database.js';
import { encryptedFiles, hasTitan } from '../engine/foreign-files.js';
import { dangerOfOpening } from '../engine/pebble-danger.js';
import { asPebbleOpens } from '../engine/pebble-opened.js';
import { undisturbed, unlessInterrupted } from '../io/interruption.js';
import { probeLock } from '../io/lock.js';
import { diskReader } from '../io/reader.js';
import type { OpeningReport, TargetReport } from '../report/report.js';
import {
  applicationReport,
  checkContents,
  contentsUnchecked,
  nameLostKeys,
  sayInWords,
  sayRebuilding,
} from './application-report.js';
import { followBlobReferences } from './blob-files.js';
import { conclude } from './conclude.js';
import { severityJudge } from './cross.js';
import { fileReports } from './file-report.js';
import { settle } from './live.js';
import { checkMetadata } from './metadata.js';
import { openingOf } from './opening.js';
import type { ScanOptions } from './options.js';
import type { ScanOrigin } from './origin.js';
import { planUnits } from './plan.js';
import { trustIn } from './select.js';
import { portable } from './shards/report.js';
import { simulateDatabase } from './simulate-database.js';
import type { Subject } from './subject.js';
import {
  columnFamilyReports,
  emptyTarget,
  optionsReport,
  uncheckedEncrypted,
  withinLimits,
} from './target.js';
import { scanTitan } from './titan.js';

/** Large tables are cut into pieces as for several threads, for any number of threads: all shards must make the same plan. */
const SEVERAL = 2;

/** A database whose metadata has been read. */
export async function databaseSubject(
  origin: ScanOrigin,
  database: Database,
  options: ScanOptions,
  jobs: number,
): Promise<Subject> {
  const { depth = 'full', shard, since } = options;
  const report = emptyTarget(origin.target, database, options.kind);
  // shards need a directory that no process writes to: files that change meanwhile are reported as unchecked
  const watched = origin.inPlace && shard === undefined;
  const lock = watched ? await probeLock(database.target, { quick: true }) : undefined;
  const owned = lock?.state === 'held';
  const circumstances = { atRest: report.kind !== 'database', owned };
  const trust = shard === undefined ? trustIn(since, depth) : () => undefined;
  const parts = shard === undefined ? jobs : SEVERAL;
  const encrypted = origin.inPlace
    ? await encryptedFiles(database.inventory, diskReader(database.target))
    : undefined;
  for (const [file, method] of encrypted ?? []) report.unchecked.push(uncheckedEncrypted(file, method));
  const planned = await unlessInterrupted(
    () => planUnits(database, depth, parts, (entry) => trust(entry) !== undefined),
    [],
  );
  const units = planned.filter(({ entry }) => !encrypted?.has(entry.file));
  const recognised = await unlessInterrupted(() => profiling(database, options.profile), {
    profile: Promise.resolve(undefined),
  });
  const recognisedProfile = () => unlessInterrupted(async () => recognised.profile, undefined);
  const judge = severityJudge(database, circumstances);
  const tables = new LiveTables(database.version);
  const say: Subject['say'] = async (_unit, result, source) => {
    const profile = await recognised.profile;
    if (profile !== undefined) await sayInWords(result, source, database, profile);
  };
  const opening = async (of: Database, { recovery }: TargetReport): Promise<OpeningReport | undefined> => {
    // what lies in directories that are not here the engine would miss, and that says nothing of it
    if (!options.opening || of.dialect === 'pebble' || !origin.seekable || of.absent.length > 0) return;
    return unlessInterrupted(() => withinLimits(() => openingOf(of, recovery), report), undefined);
  };
  return {
    report,
    units,
    checksContents: true,
    judged: ({ entry }, findings) => findings.map((found) => placedIn(judge(entry, found), database, tables)),
    say,
    async conclude(outcomes) {
      const profile = await recognisedProfile();
      const begun = { database, outcomes: [...outcomes], depth, owned, jobs };
      const settled = watched ? await undisturbed(() => settle(begun, say)) : begun;
      const isAlone = origin.inPlace && !settled.owned && hasTitan(settled.database.inventory);
      const titan = isAlone
        ? await unlessInterrupted(() => scanTitan(settled.database, settled.outcomes, depth), undefined)
        : undefined;
      const now = { ...circumstances, owned: settled.owned };
      const read = origin.seekable
        ? await unlessInterrupted(
            () => followBlobReferences(settled.database, settled.outcomes),
            settled.outcomes,
          )
        : settled.outcomes;
      await conclude(report, settled.database, read, now, titan);
      if (profile !== undefined) {
        report.application = applicationReport(profile);
        nameLostKeys(report, settled.database, profile);
      }
      if (options.application && origin.seekable)
        await unlessInterrupted(
          () => withinLimits(() => checkContents(report, settled.database, profile), report),
          undefined,
        );
      else if (options.application) contentsUnchecked(report, 'they cannot be read in a compressed archive');
      if (origin.inPlace && report.findings.some(({ severity }) => severity === 'error'))
        await unlessInterrupted(() => sayRebuilding(report, profile), undefined);
      report.bytesRead = outcomes.reduce((sum, { bytesRead }) => sum + bytesRead, titan?.bytesRead ?? 0);
      if (options.recovery && origin.seekable && settled.database.version && database.dialect !== 'pebble') {
        const words = { ...(profile && { profile }) };
        const modes = await unlessInterrupted(
          () => withinLimits(() => simulateDatabase(settled.database, words), report),
          undefined,
        );
        if (modes !== undefined) report.recovery = modes;
      }
      const { findings } = report;
      const isStore = report.kind === 'database' && database.detection.kind !== 'wals';
      if (database.dialect === 'pebble' && origin.seekable && isStore && !settled.owned) {
        const danger = dangerOfOpening(await asPebbleOpens(settled.database));
        if (danger !== undefined) report.doNotOpen = danger;
      }
      if (!settled.owned && findings.some(({ severity }) => severity === 'error'))
        report.opening = await opening(settled.database, report);
      const [pid] = lock?.pids ?? [];
      if (owned && pid !== undefined) report.owner = { pid };
      return report;
    },
    shards: {
      async complete(target, files, first) {
        const profile = await recognised.profile;
        if (profile !== undefined) target.application = applicationReport(profile);
        if (first) {
          const metadata = await checkMetadata(database, files, circumstances);
          target.findings = [...metadata.findings, ...target.findings];
          target.unchecked = [...metadata.unchecked, ...target.unchecked];
        }
        const read = new Set(files.map(({ entry }) => entry));
        const entries = database.inventory.entries.filter((entry) => read.has(entry));
        const here = { ...database, inventory: { ...database.inventory, entries } };
        target.files = fileReports(here, files, target.findings);
        target.columnFamilies = columnFamilyReports(database);
        target.options = optionsReport(database);
      },
      metadata: () => portable(database),
      opening: () => opening(database, report),
    },
  };
}
