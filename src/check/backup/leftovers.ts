import type { Finding } from '../../finding/finding.js';
import { findingAt } from '../../finding/finding-at.js';
import type { ListingEntry } from '../../io/listing.js';
import type { BackupLayout } from './layout.js';

/** More missing ids than this are given by number only. */
const SHOWN = 20;

/** Files that no backup lists. `unsure`: a meta file is lost or damaged, so that they may belong to its backup. */
export function checkUnlistedFiles(
  layout: BackupLayout,
  used: ReadonlySet<string>,
  unsure: readonly number[],
): Finding[] {
  const candidates: ListingEntry[] = [
    ...layout.shared,
    ...layout.strays,
    ...layout.backups.flatMap(({ privateFiles }) => privateFiles),
  ];
  return candidates
    .filter(({ path }) => !used.has(path))
    .map(({ path, size }) => {
      const temporary = path.endsWith('.tmp');
      const doubt =
        unsure.length > 0 && !temporary
          ? `; it may belong to backup ${unsure.join(', ')}, whose meta file cannot be used`
          : '';
      return findingAt({ file: path }, 'backup/leftover', {
        message: temporary
          ? 'a temporary file was left behind; no backup lists it'
          : `no backup lists the file${doubt}`,
        evidence: { size },
      });
    });
}

/** Ids between the oldest and the newest backup that are not there. */
export function checkGaps({ backups }: BackupLayout): Finding[] {
  const missing: number[] = [];
  let count = 0;
  for (let i = 1; i < backups.length; i++) {
    const before = backups[i - 1].id;
    count += backups[i].id - before - 1;
    for (let id = before + 1; id < backups[i].id && missing.length < SHOWN; id++) missing.push(id);
  }
  if (count === 0) return [];
  return [
    findingAt({ file: 'meta' }, 'backup/gap', {
      message:
        count === 1
          ? `backup ${missing[0]} is not there, older and newer ones are`
          : `${count} backups between ${backups[0].id} and ${backups.at(-1)?.id} are not there`,
      evidence: { missing, count },
    }),
  ];
}
