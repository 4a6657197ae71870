import type { LiveTable } from '../format/manifest/version.js';
import type { InventoryEntry } from '../io/inventory.js';
import type { GuessedFamily, LeftTables } from './families.js';
import type { Unplaced } from './ingested.js';
import { isOwn, type Joined } from './join.js';
import type { GoneTable } from './logged-history.js';
import type { ManifestWalk } from './manifests.js';
import type { Doubt, LogDoubt } from './succession.js';
import type { FoundTable } from './tables.js';
import type { WalContents } from './wals.js';

/** What a state is taken from. */
export type StateOrigin =
  /** All of a MANIFEST. */
  | { kind: 'manifest'; manifest: InventoryEntry }
  /**
   * A MANIFEST up to a file offset, after which it names files that are not here. `outlived`: a table of this state is still here
   * although one that is not replaced it, so the directory is older than the MANIFEST.
   */
  | { kind: 'edits'; manifest: InventoryEntry; end: number; outlived: boolean }
  /**
   * A MANIFEST, and tables that no edit of it names. `replaced`: tables that it names, that are gone and that went into these;
   * `unaccounted`: those among them of which that is not shown. `news`: what shows that an edit named them.
   */
  | {
      kind: 'extended';
      manifest: InventoryEntry;
      tables: LiveTable[];
      replaced: LiveTable[];
      unaccounted: LiveTable[];
      news?: News;
    }
  /**
   * What is here from before the first edit of a MANIFEST that has replaced an older one. `unaccounted`: tables that it names, that are gone
   * and of which nothing shows that they were made of what is here and of later writes.
   */
  | { kind: 'before'; manifest: InventoryEntry; unaccounted: LiveTable[] }
  /** Tables alone. */
  | { kind: 'tables' };

/** Keys that nothing else here has, sequences that later writes have left out, or LOG. */
export type News = 'keys' | 'sequences' | 'log';

/** What a state takes for the likeliest. */
export interface Unproven {
  /** Ingested tables whose place in time nothing proves. */
  tables: readonly Unplaced[];
  /** Column families that WALs went to and whose names nothing proves. */
  families: readonly GuessedFamily[];
  /** Tables that do not say of which column family they are. */
  nameless: readonly FoundTable[];
  /** Tables that may have gone into younger ones that it has, too. */
  beside: Doubt[];
  /** The same of logs. */
  over: LogDoubt[];
  /** Tables that no edit names under their number, and that were written under another one. */
  misnamed: readonly FoundTable[];
  /** See `chooseTables`. */
  copies: [taken: FoundTable, left: FoundTable][];
}

export const nothingUnproven = (): Unproven => ({
  tables: [],
  families: [],
  nameless: [],
  beside: [],
  over: [],
  misnamed: [],
  copies: [],
});

/** A state that the files can still give. */
export interface State extends Joined {
  origin: StateOrigin;
  /** CURRENT leads to it as the files are. */
  current: boolean;
  /** No edit was lost before it. */
  whole: boolean;
  /** Edits that its MANIFEST has lost named tables that are here, as these tables or LOG show. */
  lacksEdits?: true;
  /** Nothing that it names is missing. */
  complete: boolean;
  /** Entries in tables and operations in WALs, by column family; versions of one key count each. */
  families: { id: number; name: string; entries: number }[];
  entries: number;
  /** Operations of WALs for column families that were added after what it knows. */
  ignored: { id: number; operations: number }[];
  /** Tables that are here, and whose writes it should have by its last sequence. */
  leftOut: LiveTable[];
  /** Those among them that are older than a missing table over the same keys, which may have replaced or deleted them; at most. */
  doubtful: number;
  /** Tables that lie in lost/ or under another name. */
  moved: { live: LiveTable; entry: InventoryEntry }[];
  /** Tables that are of no column family of the database, as far as can be told. */
  left: readonly LeftTables[];
  unproven: Unproven;
  /** Tables that LOG tells of, that no MANIFEST knows, and that are gone. */
  goneByLog: readonly GoneTable[];
  /** Choices that were made to get it, in words. */
  remarks: string[];
}

/** Everything that the files can still give. */
export interface States {
  /** Best first: it loses least. */
  states: State[];
  /** What CURRENT leads to. */
  current?: State;
  manifests: readonly ManifestWalk[];
  /** All WALs, in ascending order. */
  wals: readonly WalContents[];
  /** Tables of the database's own directories that are not whole, not for kvdoctor to read, or under a strange name; looked for where states are put together from tables. */
  unread: readonly InventoryEntry[];
  /** Why states are not in the list that might be there, in words. */
  problems: readonly string[];
}

/** The engine comes to this state from its MANIFEST and the files as they lie. */
export function isAsItIs({ origin, takenBack, strange, wals, moved, lostWals }: State): boolean {
  return (
    origin.kind === 'manifest' &&
    takenBack.length + strange.length + moved.length + lostWals.length === 0 &&
    wals.every(({ wal, number }) => number === wal.number && isOwn(wal.entry))
  );
}
