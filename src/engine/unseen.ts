import { shellWord } from '../finding/shell-word.js';
import { type FileNameKind, segmentIn } from '../format/filename.js';
import { absentReason } from './absent-places.js';
import type { Database } from './database.js';
import { goneFirstWal } from './pebble-first-wal.js';

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

/** By which a WAL failover asks whether the disk is well again, in the store's own directory. */
export const PROBE = 'probe-file';

/**
 * Why logs of Pebble may lie in a second directory that is not known: the OPTIONS file is cut before it would name it, or there is none
 * although logs went on in one, or the first of them is not here. `undefined`: nothing says so, or a person said where logs are.
 */
export function unknownSecond(database: Database): Unseen | undefined {
  const { dialect, request, target, optionsFile, options } = database;
  const { secondaryDir } = options.pebble ?? {};
  if (dialect !== 'pebble' || request.walDir !== undefined || secondaryDir !== undefined) return undefined;
  const [file, reason] = signOfSecond(database) ?? [];
  if (file === undefined) return undefined;
  return {
    file: optionsFile?.entry.file ?? file,
    reason: `${reason}; --wal-dir DIR says where it is, --wal-dir ${shellWord(target)} that nothing is left of it`,
  };
}

/** A file that says so, and how. */
function signOfSecond(database: Database): [file: string, reason: string] | undefined {
  const { inventory, optionsFile, options, pebble } = database;
  const mayFailOver = (pebble?.formatVersion ?? 0) >= FIRST_WITH_SECOND;
  const own = inventory.entries.filter(({ place }) => place === 'database');
  const probe = own.find(({ name }) => name === PROBE);
  if (optionsFile !== undefined && options.pebble?.isCut === true && (mayFailOver || probe !== undefined))
    return [optionsFile.entry.file, 'it is cut before it would say whether logs go on in a second directory'];
  // the second directory itself holds logs alone
  const isStore = inventory.entries.some(({ kind }) => OF_STORE.has(kind));
  const segment = own.find(({ kind, name }) => isStore && kind === 'wal' && segmentIn(name) > 0);
  const named = 'another directory, which no OPTIONS file names';
  if (segment !== undefined) return [segment.file, `${segment.file} is of a log that went on in ${named}`];
  if (optionsFile !== undefined) return undefined;
  if (probe !== undefined) return [probe.file, `${probe.file} is made where logs may go on in ${named}`];
  const gone = mayFailOver ? goneFirstWal(database) : undefined;
  return gone === undefined ? undefined : [gone, `the log is not here, and may lie in ${named}`];
}

/** All that a database is made of and that was not seen, as a command says it that reads the rest all the same. */
export function unseenParts(database: Database): Unseen[] {
  const { absent, target } = database;
  const places = absent.map((place) => ({ file: place.namedBy, reason: absentReason(place, target) }));
  const second = unknownSecond(database);
  return [...places, ...(second ? [second] : []), ...unlistedFiles(database), ...unreadMetadata(database)];
}
