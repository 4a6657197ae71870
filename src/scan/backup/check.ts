import { append } from '../../bytes/append.js';
import { checkListedFile } from '../../check/backup/files.js';
import { checkForeign } from '../../check/backup/foreign.js';
import type { BackupLayout } from '../../check/backup/layout.js';
import type { Unchecked } from '../../check/unit.js';
import type { Finding } from '../../finding/finding.js';
import { findingAt } from '../../finding/finding-at.js';
import { renameAndScan, scanOf } from '../../finding/shell-word.js';
import { nameInDatabase } from '../../format/backup-name.js';
import { type Listing, unreadableAt } from '../../io/listing.js';
import { type Circumstances, crossCheck } from '../cross.js';
import { checkMetadata } from '../metadata.js';
import type { FileOutcome } from '../run.js';
import { checkReached } from './reached.js';
import { type BackupView, isWhole } from './view.js';

/** The circumstances of every backup: it was copied at one moment, and no process writes to it. */
export const AT_REST: Circumstances = { atRest: true, owned: false };

/** What is wrong with one backup. */
export interface OwnResult {
  findings: Finding[];
  unchecked: Unchecked[];
}

/** What is known beside a backup's own view. */
interface BackupEvidence {
  layout: BackupLayout;
  /** What came of the backup's files. */
  outcomes: FileOutcome[];
  /** CRC-32C by path. */
  checksums: ReadonlyMap<string, number>;
  /** Paths whose checksum matches the record of a backup. */
  sound: ReadonlySet<string>;
}

/** Everything that is wrong with one backup: its meta file, its database, and its files against what is recorded of them. */
export async function checkBackup(
  listing: Listing,
  view: BackupView,
  evidence: BackupEvidence,
): Promise<OwnResult> {
  const { outcomes, checksums, layout } = evidence;
  const { metaFile, meta, parts, unread, claimedBy } = view;
  if (claimedBy !== undefined) return { findings: [missingMeta(view, claimedBy)], unchecked: [] };
  if (view.unfinished) {
    const { findings } = await checkContent(listing, view, outcomes);
    const errors = findings.filter(({ severity }) => severity === 'error').length;
    return { findings: [unfinishedBackup(listing, view, checksums, errors)], unchecked: [] };
  }
  const findings: Finding[] = (meta?.anomalies ?? []).map(({ rule, ...about }) =>
    findingAt({ file: metaFile }, rule, about),
  );
  append(findings, checkForeign(listing.target, parts.id, meta?.files ?? [], layout));
  const unchecked: Unchecked[] = outcomes.flatMap((o) => o.unchecked);
  if (unread !== undefined) unchecked.push({ file: metaFile, reason: unread });
  const hidden = hiddenFrom(listing, view);
  append(unchecked, hidden);
  // without its own files there is no MANIFEST to check against
  const bare = parts.privateFiles.length === 0 && findings.some(({ rule }) => rule === 'backup/foreign-file');
  if (!bare && !hidden.some(({ file }) => file.startsWith('private'))) {
    const content = await checkContent(listing, view, outcomes);
    append(unchecked, content.unchecked);
    const unsure = hidden.length > 0;
    append(
      findings,
      content.findings
        .filter(({ rule }) => !(unsure && isAbsence(rule)))
        .map((found) => whenDamaged(view, found, checksums)),
    );
    append(findings, unsure || !view.sound ? [] : await checkReached(view, outcomes));
  }
  append(findings, checkListed(listing, view, evidence, findings));
  append(unchecked, keptElsewhere(listing, view));
  return { findings, unchecked };
}

/** What is wrong with the database that restoring would give. */
async function checkContent(listing: Listing, view: BackupView, outcomes: FileOutcome[]): Promise<OwnResult> {
  const { database } = view;
  const metadata = await checkMetadata(database, outcomes, AT_REST);
  const findings = [...metadata.findings, ...crossCheck(database, outcomes, AT_REST)]
    .map((found) => inBackup(view, listing, found))
    .filter((found) => found !== undefined);
  return { findings, unchecked: metadata.unchecked };
}

/** Holds each listed file against its record. Files that something is wrong with already are only asked whether they are there. */
function checkListed(
  listing: Listing,
  { listed: files, metaFile }: BackupView,
  { checksums, sound }: BackupEvidence,
  findings: readonly Finding[],
): Finding[] {
  const damaged = new Set(findings.filter((f) => f.severity === 'error').map((f) => f.file));
  return [...files.values()]
    .filter(({ path }) => unreadableAt(listing, path) === undefined)
    .flatMap((listed) => {
      const crc = checksums.get(listed.path);
      return checkListedFile(listing, {
        listed,
        meta: metaFile,
        ...(crc !== undefined && { crc }),
        // where another backup's record fits the file, this one's record is wrong, which is said of the meta file
        settled: damaged.has(listed.path) || sound.has(listed.path),
      });
    });
}

/** Directories and files that the backup may have files in and that may not be looked at. */
function hiddenFrom({ unlistable }: Listing, { parts }: BackupView): Unchecked[] {
  const own = `private/${parts.id}`;
  return unlistable
    .filter(({ missing }) => !missing)
    .filter(
      ({ path }) =>
        path.startsWith('shared') || path === 'private' || path === own || path.startsWith(`${own}/`),
    )
    .map(({ path: file, reason }) => ({ file, reason }));
}

function keptElsewhere(listing: Listing, { listed, metaFile }: BackupView): Unchecked[] {
  return [...listed.values()]
    .filter(({ path, excluded }) => excluded && !listing.files.has(path))
    .map(({ path: file }) => ({
      file,
      reason: `${metaFile} says that it is kept in another backup directory`,
    }));
}

function isAbsence(rule: Finding['rule']): boolean {
  return rule === 'directory/missing-table' || rule === 'directory/missing-blob';
}

function missingMeta({ parts, metaFile, database }: BackupView, claimedBy: string): Finding {
  return findingAt({ file: metaFile }, 'backup/missing-meta', {
    message: `${metaFile} is not there, and ${claimedBy} lists the files of private/${parts.id}`,
    evidence: {
      files: database.inventory.entries.length,
      ...(database.version?.lastSequence !== undefined && {
        lastSequence: String(database.version.lastSequence),
      }),
    },
  });
}

/**
 * A finding about the database of a backup, under the names that its files have in the backup directory. `undefined` when
 * the meta file says the same, that a file that it lists is missing.
 */
function inBackup(view: BackupView, listing: Listing, found: Finding): Finding | undefined {
  if (view.present.has(found.file)) return found;
  // files that an engine has not written yet, or has deleted, do not matter in a copy
  if (found.severity === 'note') return undefined;
  const lost = [...view.listed.values()].filter(({ path }) => !listing.files.has(path));
  if (lost.some(({ path }) => nameInDatabase(path) === found.file)) return undefined;
  if (view.sound && isAbsence(found.rule)) {
    return {
      ...found,
      rule: 'backup/unlisted-file',
      file: view.metaFile,
      message: `the meta file does not list ${found.file}: ${found.message}`,
    };
  }
  return { ...found, file: `private/${view.parts.id}/${found.file}` };
}

/** Says of an error in a file whether it was in it already when the backup was made. */
function whenDamaged(view: BackupView, found: Finding, checksums: ReadonlyMap<string, number>): Finding {
  const recorded = view.listed.get(found.file)?.crc;
  const computed = checksums.get(found.file);
  if (found.severity !== 'error' || recorded === undefined || computed === undefined) return found;
  const backupChecksum =
    recorded === computed
      ? 'matches: the file was so when it was backed up, and restoring it will not fail'
      : 'does not match: the file was changed after it was backed up, and restoring it fails';
  return { ...found, evidence: { ...found.evidence, backupChecksum } };
}

/**
 * Remains of a backup that the engine does not know. Where the process that made it was killed decides what there is, never what
 * is said: the same rule about the same file, and nothing about what the remains hold. `errors`: errors in what they hold.
 */
function unfinishedBackup(
  listing: Listing,
  view: BackupView,
  checksums: ReadonlyMap<string, number>,
  errors: number,
): Finding {
  const { parts, metaFile, database } = view;
  const { id, privateFiles, unfinishedMeta } = parts;
  const whole = errors === 0 && isWhole(view);
  const renamable = whole && unfinishedMeta !== undefined && matchesMeta(listing, view, checksums);
  const state = renamable
    ? `all ${view.listed.size} files that ${unfinishedMeta.path} lists are there and match: renaming it makes the backup known`
    : whole
      ? `private/${id} and the shared files hold a whole database`
      : 'what there is of it is no whole database';
  return findingAt({ file: metaFile }, 'backup/unfinished', {
    message: `there is no ${metaFile}: the engine does not know backup ${id}, and the next backup deletes what there is of it; ${state}`,
    evidence: {
      files: privateFiles.map(({ path }) => path).slice(0, 20),
      ...(whole &&
        database.version?.lastSequence !== undefined && {
          lastSequence: String(database.version.lastSequence),
        }),
      ...(unfinishedMeta && { unfinished: unfinishedMeta.path }),
    },
    ...(renamable && {
      next: renameAndScan(scanOf(listing.target), [
        `${listing.target}/${unfinishedMeta.path}`,
        `${listing.target}/${metaFile}`,
      ]),
    }),
  });
}

/** Whether the meta file that was being written is whole, and every file is what it records. */
function matchesMeta(listing: Listing, view: BackupView, checksums: ReadonlyMap<string, number>): boolean {
  const { listed, sound, parts } = view;
  const meta = parts.unfinishedMeta?.path ?? '';
  return (
    sound &&
    listed.size > 0 &&
    [...listed.values()].every((file) => {
      const crc = checksums.get(file.path);
      return (
        crc !== undefined &&
        checkListedFile(listing, { listed: file, meta, crc, settled: false }).length === 0
      );
    })
  );
}
