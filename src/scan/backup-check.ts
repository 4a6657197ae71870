import { checkListedFile } from '../check/backup/files.js';
import { findingAt } from '../check/directory/place.js';
import type { Unchecked } from '../check/unit.js';
import type { Finding } from '../finding/finding.js';
import type { FileTree } from '../io/tree.js';
import { type BackupView, isWhole, nameInDatabase } from './backup-view.js';
import { type Circumstances, crossCheck } from './cross.js';
import { checkMetadata } from './metadata.js';
import type { FileOutcome } from './run.js';

/** The circumstances of every backup: it was copied at one moment, and nobody writes to it. */
export const AT_REST: Circumstances = { atRest: true, owned: false };

/** What is wrong with one backup. */
export interface OwnResult {
  findings: Finding[];
  unchecked: Unchecked[];
}

/** Everything that is wrong with one backup: its meta file, its database, and its files against what is recorded of them. */
export async function checkBackup(
  tree: FileTree,
  view: BackupView,
  outcomes: FileOutcome[],
  checksums: ReadonlyMap<string, number>,
  sound: ReadonlySet<string>,
): Promise<OwnResult> {
  const { database, metaFile, meta, parts, unread } = view;
  const unchecked: Unchecked[] = outcomes.flatMap((o) => o.unchecked);
  if (unread !== undefined) unchecked.push({ file: metaFile, reason: unread });
  if (parts.meta === undefined && !isWhole(view)) {
    return { findings: [unfinished(view)], unchecked };
  }
  const findings: Finding[] = (meta?.anomalies ?? []).map(({ rule, ...about }) =>
    findingAt({ file: metaFile }, rule, about),
  );
  if (parts.meta === undefined) findings.push(missingMeta(view));
  const metadata = await checkMetadata(database, outcomes, AT_REST);
  unchecked.push(...metadata.unchecked);
  const content = [...metadata.findings, ...crossCheck(database, outcomes, AT_REST)]
    .map((found) => inBackup(view, tree, found))
    .filter((found) => found !== undefined);
  const damaged = new Set(content.filter((f) => f.severity === 'error').map((f) => f.file));
  findings.push(...content.map((found) => whenDamaged(view, found, checksums)));
  for (const listed of view.listed.values()) {
    if (listed.excluded && !tree.files.has(listed.path)) {
      unchecked.push({
        file: listed.path,
        reason: `${metaFile} says that it is kept in another backup directory`,
      });
    }
    const crc = checksums.get(listed.path);
    findings.push(
      ...checkListedFile(tree, {
        listed,
        meta: metaFile,
        ...(crc !== undefined && { crc }),
        // where another backup's record fits the file, this one's record is wrong, which is said of the meta file
        settled: damaged.has(listed.path) || sound.has(listed.path),
      }),
    );
  }
  return { findings, unchecked };
}

function missingMeta({ parts, metaFile, database }: BackupView): Finding {
  return findingAt({ file: metaFile }, 'backup/missing-meta', {
    message: `private/${parts.id} holds a whole database, and the meta file that makes a backup of it is not there`,
    evidence: {
      files: database.inventory.entries.length,
      ...(database.version?.lastSequence !== undefined && {
        lastSequence: String(database.version.lastSequence),
      }),
      ...(parts.unfinishedMeta && { unfinished: parts.unfinishedMeta.path }),
    },
  });
}

function unfinished({ parts, metaFile }: BackupView): Finding {
  const { privateFiles, unfinishedMeta } = parts;
  return findingAt({ file: unfinishedMeta?.path ?? `private/${parts.id}` }, 'backup/unfinished', {
    message: `there is no ${metaFile}, and what there is of backup ${parts.id} is no whole database`,
    evidence: { files: privateFiles.map(({ path }) => path).slice(0, 20) },
  });
}

/**
 * A finding about the database of a backup, under the names that its files have in the backup directory. `undefined` when
 * the meta file says the same, that a file that it lists is missing.
 */
function inBackup(view: BackupView, tree: FileTree, found: Finding): Finding | undefined {
  if (view.present.has(found.file)) return found;
  // what an engine has not written yet, or not any more, is no business of a copy
  if (found.severity === 'note') return undefined;
  const lost = [...view.listed.values()].filter(({ path }) => !tree.files.has(path));
  if (lost.some(({ path }) => nameInDatabase(path) === found.file)) return undefined;
  const absent = found.rule === 'directory/missing-table' || found.rule === 'directory/missing-blob';
  if (view.sound && absent) {
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
