import { shellWord } from '../finding/shell-word.js';
import type { Database } from './database.js';

/** The command that checks the WALs in `directory` with their database, which only the person at the terminal can name. */
export function checkTogether(directory: string): string {
  return `kvdoctor scan --wal-dir ${shellWord(directory)} DB`;
}

/** Why nothing can be recovered from a directory that holds WALs only; `undefined` for any other. */
export function reasonWalsAlone({ detection, target }: Database): string | undefined {
  if (detection.kind !== 'wals') return undefined;
  const option = `--wal-dir ${shellWord(target)}`;
  return `these are WALs without their database: name the directory of the database, and this one with ${option}`;
}
