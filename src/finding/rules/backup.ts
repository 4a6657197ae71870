import type { Rule } from '../rule.js';

const source = 'rocksdb utilities/backup/backup_engine.cc';

const fallback =
  'RestoreDBFromLatestBackup passes over it without a word and restores the one before, so a restore that succeeds may bring ' +
  'back older data than expected.';

const anew =
  'Make a new backup of the live database while it still exists. BackupEngine does not read a shared file again once it has ' +
  'it, so delete the damaged file (or every backup that lists it) first, or the new backup inherits it.';

export const backupRules = {
  'backup/missing-meta': {
    severity: 'error',
    title: 'Backup has files but no meta file',
    meaning:
      'private/ID holds a whole database and meta/ID, which makes a backup of it, is not there. The engine does not know ' +
      'the backup, and the next backup that it makes deletes the private directory and every shared file that no other backup ' +
      'lists.',
    origin:
      'The meta file was lost or not copied. A process that was killed while it deleted the backup leaves the same: the meta ' +
      'file goes first.',
    action:
      'Unless the backup was to be deleted: copy the directory before the engine touches it again, and put the meta file back ' +
      'from a copy.',
    references: [source],
  },
  'backup/unfinished': {
    severity: 'warning',
    title: 'Backup was not finished, or not deleted to the end',
    meaning:
      'private/ID or a temporary meta file is there without meta/ID, and what is there is no whole database. The engine ' +
      'does not know this backup and cleans up at the next one. Other backups are not touched by it.',
    origin: 'The process ended while it made the backup, or while it deleted it.',
    action: 'If this backup was thought to exist, find out why it did not finish. Make a new one.',
    references: [source],
  },
  'backup/meta-truncated': {
    severity: 'error',
    title: 'Meta file of a backup is cut off',
    meaning: `The meta file lists fewer files than it announces, or ends inside a line. The engine calls the backup corrupt. ${fallback}`,
    origin: 'A copy that stopped, a full disk, a crash of the machine soon after the backup.',
    action:
      'Put the meta file back from a copy. What the backup holds has been checked against its MANIFEST as far as that goes, so ' +
      'the data may be whole.',
    references: [source],
  },
  'backup/meta-malformed': {
    severity: 'error',
    title: 'Meta file of a backup cannot be read',
    meaning: `A line is not what the engine writes, so it calls the backup corrupt. ${fallback}`,
    origin: 'Damaged bytes, an edit by hand, or a newer engine whose meta files this version does not know.',
    action:
      'Put the meta file back from a copy, or mend the line: the format is a line of text for each file.',
    references: [source],
  },
  'backup/missing-file': {
    severity: 'error',
    title: 'File of a backup is missing',
    meaning: `The meta file lists the file and it is not there. The engine calls each backup that lists it corrupt. ${fallback}`,
    origin:
      'An incomplete copy of the directory, a deletion by hand, or two processes in one backup directory: one cleans up what ' +
      'the other has just written.',
    action: `Put the file back from a copy of the directory. ${anew}`,
    references: [source],
  },
  'backup/wrong-size': {
    severity: 'error',
    title: 'File of a backup has another size than recorded',
    meaning:
      'Size on disk and size in the meta file or in the name differ. With a meta file of schema 1, which has no sizes, ' +
      'VerifyBackup does not notice unless it is told to compute checksums; restoring does.',
    origin: 'A copy that stopped, a full disk, an append.',
    action: `Put the file back from a copy of the directory. ${anew}`,
    references: [source],
  },
  'backup/checksum': {
    severity: 'error',
    title: 'File of a backup does not match its checksum',
    meaning:
      'The CRC-32C of the whole file is not the one in the meta file or in its name. Restoring any backup that lists the file ' +
      'fails: "While restoring … expected checksum is …". VerifyBackup notices only when it is told to compute checksums.',
    origin: 'A bad sector, a bad transfer, an edit. What the format itself checks in the file is intact.',
    action: `Put the file back from a copy of the directory. ${anew}`,
    references: [source],
  },
  'backup/conflicting-checksums': {
    severity: 'error',
    title: 'Backups disagree about a file that they share',
    meaning:
      'Two meta files record different checksums or sizes of one shared file. At most one of them can be restored.',
    origin: 'A meta file was edited or damaged, or the directory was put together from two.',
    action: 'The backup whose record matches the file is sound. Compare the other meta file with a copy.',
    references: [source],
  },
  'backup/unlisted-file': {
    severity: 'error',
    title: 'Backup lacks a file that its own MANIFEST names',
    meaning:
      'The meta file does not list a table or blob file that the MANIFEST of the same backup needs. VerifyBackup and restoring ' +
      'succeed, and the restored database does not open or fails to read.',
    origin: 'A fault in the program that made the backup, an edited meta file, a MANIFEST of another backup.',
    action: 'Do not rely on this backup: restore another one, and make a new one while the database exists.',
    references: [source],
  },
  'backup/leftover': {
    severity: 'note',
    title: 'File in a backup directory belongs to no backup',
    meaning: 'No meta file lists it. The engine deletes such files when it next cleans up.',
    origin: 'A backup that did not finish, a deletion that did not, a file that something else put there.',
    action: 'Nothing. GarbageCollect, or the next backup, removes it.',
    references: [source],
  },
  'backup/gap': {
    severity: 'note',
    title: 'Numbers of backups are not consecutive',
    meaning: 'Between the oldest and the newest backup some numbers are not there.',
    origin:
      'Backups in between were deleted, or their meta files and private directories were lost together.',
    action: 'If nobody deleted them, find out who did.',
    references: [source],
  },
} as const satisfies Record<`backup/${string}`, Rule>;
