import type { Rule } from '../rule.js';

const source = 'rocksdb utilities/backup/backup_engine.cc';

const fallback =
  'RestoreDBFromLatestBackup passes over it silently and restores the one before, so a restore that succeeds may bring ' +
  'back older data than expected.';

const anew =
  'Make a new backup of the live database while it still exists. BackupEngine does not read a shared file again once it has ' +
  'it, so delete the damaged file (or every backup that lists it) first, or the new backup inherits it.';

export const backupRules = {
  'backup/missing-meta': {
    severity: 'error',
    title: 'Meta file of a backup is gone, another lists its files',
    meaning:
      'There is no meta/ID, which makes a backup of private/ID, and the meta file of another backup lists the files of private/ID. ' +
      'The engine does not know the backup, and the next backup that it makes deletes the private directory.',
    origin: 'A meta file was renamed or copied under another number.',
    action:
      'Rename the meta file back, or put it back from a copy, before the engine touches the directory again.',
    references: [source],
  },
  'backup/unfinished': {
    severity: 'warning',
    title: 'Backup was not finished, or not deleted to the end',
    meaning:
      'There is no meta/ID, and private/ID or a temporary meta file is there. The engine does not know this backup, whatever is left ' +
      'of it, and deletes that with its next backup. Other backups are not touched by it.',
    origin:
      'The process was killed while it made the backup, or while it deleted it: the meta file comes last and goes first. A meta file that ' +
      'was lost later, or not copied, leaves the same.',
    action:
      'If this backup was thought to exist, find out why it did not finish, and make a new one. If it is needed and the finding says that ' +
      'it is whole, copy the directory before the engine makes the next backup; a temporary meta file that is whole is renamed to meta/ID.',
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
  'backup/meta-unusual': {
    severity: 'warning',
    title: 'Meta file of a backup is not as the engine writes it',
    meaning:
      'Something was added or changed that the engine reads over: bytes after the last line, a space, a line twice, a number ' +
      'with something after it. The backup can be restored.',
    origin: 'An edit by hand, a copy that appended, damage that hit where the engine is lenient.',
    action: 'Compare the meta file with a copy. The rest of the file was checked and is valid.',
    references: [source],
  },
  'backup/foreign-file': {
    severity: 'error',
    title: 'Meta file of a backup lists private files of another',
    meaning:
      'private/ID belongs to backup ID alone, and this meta file lists files of another. The engine calls the backup corrupt, or, ' +
      'where the other backup is a newer one, fails to verify it and restores the data of that one in its place.',
    origin: 'A meta file was copied over another, or renamed.',
    action:
      'Put the meta file back from a copy. If one was renamed, rename it back before the engine makes the next backup: that deletes ' +
      'the private directory that has no meta file.',
    references: [source],
  },
  'backup/sequence-not-reached': {
    severity: 'warning',
    title: 'Newest writes of a backup are not in it',
    meaning:
      'The meta file says which sequence number the database had reached when the backup was made; MANIFEST, tables and WALs of the ' +
      'backup end before it. Restoring succeeds and gives the database without its newest writes.',
    origin:
      'A WAL was left out of a copy of the directory, together with its line; the backup was made with backup_log_files off and ' +
      'without a flush; or the newest writes were made with the WAL off.',
    action:
      'Take another backup if these writes matter. Make backups with WALs, or with flush_before_backup.',
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
      'Meta files record different checksums of one shared file. The engine loads the newest first and refuses the others, right or ' +
      'wrong; built with assertions, as in Debian, it ends as soon as it opens the directory, and no backup can be restored.',
    origin: 'A meta file was edited or damaged, or the directory was put together from two.',
    action:
      'Move the wrong meta file out of meta/, as the finding says, restore what is wanted, and put it back mended before the engine makes ' +
      'the next backup: that deletes the private directory and every shared file that no meta file lists.',
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
    origin: 'An unfinished backup or deletion, or a file that another program put there.',
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
