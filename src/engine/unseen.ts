import type { FileNameKind } from '../format/filename.js';
import { absentReason } from './absent-places.js';
import type { Database } from './database.js';

/** A file, or what a file names, that was not seen, and why. */
interface Unseen {
  file: string;
  reason: string;
}

/** Metadata that could not be read, whole or in part: what it would say is not known. */
export function unreadMetadata({ unread, unreadable }: Database): Unseen[] {
  return [
    ...unread.map(({ entry, reason }) => ({ file: entry.file, reason: `it cannot be read: ${reason}` })),
    ...unreadable.map(({ entry, ranges }) => {
      const lost = ranges.reduce((sum, { length }) => sum + length, 0);
      const reason = `the disk does not give back ${lost} of its ${entry.size} bytes`;
      return { file: entry.file, reason };
    }),
  ];
}

/** Kinds of which every file may say something about what the database holds. */
const TELLING: ReadonlySet<FileNameKind> = new Set([
  'current',
  'manifest',
  'options',
  'wal',
  'table',
  'blob',
]);

/** Names of files of the database of which nothing but the name can be had: a link to nowhere, an inode that is damaged. */
export function unlistedFiles({ inventory }: Database): Unseen[] {
  return inventory.unlistable
    .filter(({ kind }) => TELLING.has(kind))
    .map(({ file, reason }) => ({ file, reason: `it is ${reason}` }));
}

/** All that a database is made of and that was not seen, as a command says it that reads the rest all the same. */
export function unseenParts(database: Database): Unseen[] {
  const { absent, target } = database;
  const places = absent.map((place) => ({ file: place.namedBy, reason: absentReason(place, target) }));
  return [...places, ...unlistedFiles(database), ...unreadMetadata(database)];
}
