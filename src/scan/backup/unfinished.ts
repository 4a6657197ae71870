import { checkListedFile } from '../../check/backup/files.js';
import type { Finding } from '../../finding/finding.js';
import { findingAt } from '../../finding/finding-at.js';
import { shellWord } from '../../finding/shell-word.js';
import type { Listing } from '../../io/listing.js';
import { type BackupView, isWhole } from './view.js';

/**
 * Remains of a backup that the engine does not know. Where the process that made it was killed decides what there is, never what
 * is said: the same rule about the same file, and nothing about what the remains hold. `errors`: errors in what they hold.
 */
export function unfinishedBackup(
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
      next: `mv ${[unfinishedMeta.path, metaFile].map((path) => shellWord(`${listing.target}/${path}`)).join(' ')}`,
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
