/** What a name in a backup says: `000008_sH1SL_980.sst` is `000008.sst` of session H1SL with 980 bytes. */
interface BackupName {
  /** What the file is called in the database. */
  name: string;
  session?: string;
  /** CRC-32C of the whole file, in legacy names and those of blob files. */
  crc?: number;
  size?: number;
}

/**
 * What the name of a shared file says. Three forms, all of them the name in the database up to the first `_` and from the
 * last `.` on: `N_s<session>_<size>.sst`, `N_s<session>.sst`, and `N_<crc32c>_<size>.ext`, the oldest and that of blob files.
 */
export function parseBackupName(name: string): BackupName {
  const dot = name.lastIndexOf('.');
  const underscore = name.indexOf('_');
  if (underscore < 0 || dot < underscore) return { name };
  const plain = name.slice(0, underscore) + name.slice(dot);
  const said = name.slice(underscore + 1, dot);
  const session = /^s([0-9A-Z]{20})(?:_(\d{1,15}))?$/.exec(said);
  if (session !== null) {
    return { name: plain, session: session[1], ...(session[2] && { size: Number(session[2]) }) };
  }
  const crc = /^(\d{1,10})_(\d{1,15})$/.exec(said);
  return crc === null ? { name: plain } : { name: plain, crc: Number(crc[1]), size: Number(crc[2]) };
}

export function basename(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** What a file of a backup is called once it is restored. */
export function nameInDatabase(path: string): string {
  const name = basename(path);
  return path.startsWith('shared') ? parseBackupName(name).name : name;
}
