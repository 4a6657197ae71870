import type { Profile } from '../app/profile.js';
import type { ProfileChoice } from '../app/profile-choice.js';
import type { DatabaseRequest } from '../engine/database.js';
import type { FoundKey, FoundVersion, Unread } from './found.js';
import type { ReaderSees } from './reader.js';

export interface FindOptions extends DatabaseRequest {
  /** Without timestamp. */
  key: Uint8Array;
  /** All keys that begin with `key`. */
  prefix?: boolean;
  /** Name of a column family; default: all. */
  columnFamily?: string;
  /** The application whose bytes these are, or that none is to be looked for. Default: it is recognised. */
  profile?: ProfileChoice;
  /** At most so many keys, the first ones bytewise. Default 100. */
  limit?: number;
}

export interface FindHooks {
  /** Share of the files searched, from 0 to 1. */
  onProgress?(share: number): void;
  signal?: AbortSignal;
}

/** A key that was found. */
export interface KeyReport extends FoundKey {
  reader: ReaderSees;
  /** What the application calls it. */
  said?: string;
  /** Range tombstones over it, newest first, live or not. */
  tombstones: FoundVersion[];
  /** Why what is said of the versions does not fit what a reader gets. */
  doubt?: string;
}

/** Every version of some keys. */
export interface FindReport {
  target: string;
  /** The application that wrote it, where it is recognised. */
  profile?: Profile;
  keys: KeyReport[];
  /** Range tombstones over the key, where no version of it was found. */
  tombstones: FoundVersion[];
  /** More keys begin like that. */
  moreKeys: boolean;
  /** Why a reader's view of the keys is not known, where their order is the application's own. */
  unchecked: string[];
  /** What could not be read and may hold more. */
  unread: Unread[];
  searched: { wals: number; tables: number; blobFiles: number };
  /** How the database was taken to be recovered, for what a reader sees. */
  recovery?: { mode: string; lastSequence: bigint; ownError?: string };
  /** Column families that the MANIFEST names. */
  columnFamilies: string[];
  interrupted: boolean;
}

/** A name that no column family has. */
export class UnknownColumnFamily extends Error {
  constructor(
    readonly wanted: string,
    readonly known: readonly string[],
  ) {
    super(`there is no column family ${JSON.stringify(wanted)}`);
  }
}
