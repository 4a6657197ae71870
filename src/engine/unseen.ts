import { shellWord } from '../finding/shell-word.js';
import { type FileNameKind, segmentIn } from '../format/filename.js';
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

/** The first format version that releases alone have whose logs may go on in a second directory: 1.1 writes up to 16, and knows none. */
const FIRST_WITH_SECOND = 17;

const OF_STORE: ReadonlySet<FileNameKind> = new Set(['manifest', 'options', 'pebble-marker', 'table']);

/**
 * Why logs of Pebble may lie in a second directory that is not known: the OPTIONS file is cut before it would name it, or none names one
 * although logs went on in one. `undefined`: nothing says so, or a person said where logs are.
 */
export function unknownSecond(database: Database): Unseen | undefined {
  const { dialect, inventory, request, target, optionsFile, options, pebble } = database;
  const { secondaryDir, isCut = false } = options.pebble ?? {};
  if (dialect !== 'pebble' || request.walDir !== undefined || secondaryDir !== undefined) return undefined;
  const mayFailOver = (pebble?.formatVersion ?? 0) >= FIRST_WITH_SECOND;
  // the second directory itself holds logs alone
  const isStore = inventory.entries.some(({ kind }) => OF_STORE.has(kind));
  const segment = inventory.entries.find(
    ({ kind, name, place }) => isStore && kind === 'wal' && place === 'database' && segmentIn(name) > 0,
  );
  const reason =
    optionsFile !== undefined && isCut && mayFailOver
      ? 'it is cut before it would say whether logs go on in a second directory'
      : segment &&
        `${segment.file} is of a log that went on in another directory, which no OPTIONS file names`;
  if (reason === undefined) return undefined;
  const file = optionsFile?.entry.file ?? segment!.file;
  return {
    file,
    reason: `${reason}; --wal-dir DIR says where it is, --wal-dir ${shellWord(target)} that nothing is left of it`,
  };
}

/** All that a database is made of and that was not seen, as a command says it that reads the rest all the same. */
export function unseenParts(database: Database): Unseen[] {
  const { absent, target } = database;
  const places = absent.map((place) => ({ file: place.namedBy, reason: absentReason(place, target) }));
  const second = unknownSecond(database);
  return [...places, ...(second ? [second] : []), ...unlistedFiles(database), ...unreadMetadata(database)];
}
