import {
  type Database,
  type DatabaseRequest,
  readDatabase,
  readInventory,
  readStored,
} from '../engine/database.js';
import { BACKUP_DIRECTORIES } from '../engine/detect.js';
import { databaseInventory, entryReader, type Listing, listBelow } from '../io/listing.js';
import type { ObjectPlace } from '../io/objects/listing.js';
import { runEach, type UnitRunner } from './run.js';

/**
 * Where the files of a target come from. A scan knows no more of a directory, an archive or a bucket than this: a listing, whose
 * entries say how any thread opens them (`openSource`), and what can be done with it.
 */
export interface ScanOrigin {
  /** The target, as given. */
  target: string;
  /** Its files as a backup directory has them. */
  list(): Promise<Listing>;
  /** Reads its metadata as that of one database. */
  readDatabase(request: DatabaseRequest): Promise<Database>;
  /** Runs units. */
  run: UnitRunner;
  /** Files can be read at any time and any offset. In a compressed archive they are checked while they pass, in one thread. */
  seekable: boolean;
  /** An engine may be working on the files, and commands to type next can be carried out on them. */
  inPlace: boolean;
}

/** A directory of this machine. */
export function directoryOrigin(target: string): ScanOrigin {
  return {
    target,
    list: () => listBelow(target, BACKUP_DIRECTORIES),
    readDatabase: (request) => readDatabase(target, request),
    run: runEach,
    seekable: true,
    inPlace: true,
  };
}

/** Files that lie somewhere else and have been listed. Nothing outside the listing belongs to them. */
export function listedOrigin(listing: Listing): ScanOrigin {
  return {
    target: listing.target,
    list: async () => listing,
    readDatabase: ({ engineVersion }) =>
      readInventory(
        databaseInventory(listing),
        entryReader,
        engineVersion === undefined ? {} : { engineVersion },
      ),
    run: runEach,
    seekable: true,
    inPlace: false,
  };
}

/** What lies below a prefix of a bucket. */
export function storedOrigin(place: Extract<ObjectPlace, { kind: 'directory' }>): ScanOrigin {
  return { ...listedOrigin(place.listing), readDatabase: (request) => readStored(place, request) };
}
