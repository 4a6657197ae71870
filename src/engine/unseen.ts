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

/** All that a database is made of and that was not seen, as a command says it that reads the rest all the same. */
export function unseenParts(database: Database): Unseen[] {
  const { absent, target } = database;
  const places = absent.map((place) => ({ file: place.namedBy, reason: absentReason(place, target) }));
  return [...places, ...unreadMetadata(database)];
}
