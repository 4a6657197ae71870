import { BeyondLimit } from '../bytes/beyond-limit.js';
import { type Database, filesOf } from '../engine/database.js';
import { liveBlobFiles } from '../format/manifest/blob-links.js';
import type { VersionEdit } from '../format/manifest/edit.js';
import { type ManifestReplay, replayManifest } from '../format/manifest/replay.js';
import type { ColumnFamily, LiveTable, Version } from '../format/manifest/version.js';
import type { InventoryEntry } from '../io/inventory.js';
import type { FilesHere } from './files.js';

/** MANIFESTs that are held against each other. An engine leaves one or two, a few more where it could not delete them. */
const MOST_MANIFESTS = 256;

/** Places in a MANIFEST that are kept, the last ones. */
const KEPT = 8;

/** A MANIFEST, and where in it all files of the version are here. */
export interface ManifestWalk {
  entry: InventoryEntry;
  /** Of all of it. */
  replay: ManifestReplay;
  /** File offsets after the last edit of each stretch in which nothing is missing, the file's end left out. */
  whole: number[];
  /** In such a stretch, file offsets before a column family is dropped. */
  beforeDrops: number[];
  /** Tables that any edit named. */
  known: Set<bigint>;
  /** The same that are here, as the MANIFEST describes them. */
  here: Map<bigint, LiveTable>;
  /** Tables that were replaced by one that the MANIFEST ends with and that is not here. */
  outlived: Set<bigint>;
  /** Tables and last sequence of the version that it begins with. */
  begunWith: Set<bigint>;
  begunSequence: bigint;
  edits: number;
}

type Covered = (table: LiveTable, family: ColumnFamily | undefined) => boolean;

/**
 * Reads every MANIFEST of the directory once. `covered`: what a missing table held is elsewhere. Rejects with a `BeyondLimit` where there are
 * too many.
 */
export async function walkManifests(
  database: Database,
  files: FilesHere,
  covered: Covered,
): Promise<ManifestWalk[]> {
  const { inventory, manifest } = database;
  const walks: ManifestWalk[] = [];
  const entries = inventory.entries.filter(
    ({ kind, number, place }) =>
      kind === 'manifest' && number !== undefined && (place === 'database' || place === 'lost'),
  );
  if (entries.length > MOST_MANIFESTS)
    throw new BeyondLimit(
      '.',
      `it holds ${entries.length} MANIFESTs, of which no more than ${MOST_MANIFESTS} are compared`,
    );
  for (const entry of entries) {
    // what is learnt of LevelDB's tables is the states' own
    const sharesTables = database.dialect === 'rocksdb' && manifest?.entry.file === entry.file;
    const held = sharesTables ? manifest.replay.version : undefined;
    const walk = await readable(() => walkManifest(entry, files, covered, { database, held }));
    if (walk === undefined) continue;
    // a version of very many tables is held once, unless something was learnt of them
    const known =
      manifest?.entry.file === entry.file &&
      manifest.replay.size === walk.replay.size &&
      database.dialect === 'rocksdb';
    walks.push(known ? { ...walk, replay: manifest.replay } : walk);
  }
  return walks;
}

/** What a MANIFEST leads to when it ends at a file offset. */
export async function versionAt(
  { entry, replay }: ManifestWalk,
  end: number,
  { database, files }: { database: Database; files: FilesHere },
): Promise<ManifestReplay> {
  const { open } = filesOf(database);
  const source = await open({ kind: 'pieces', pieces: [{ of: entry.source, offset: 0, length: end }] });
  try {
    const before = await replayManifest(source, {
      dialect: database.dialect,
      held: replay.version,
      files: replay.files,
    });
    for (const { tables } of before.version.columnFamilies.values())
      for (const live of tables.values()) files.learn(live);
    return before;
  } finally {
    await source.close();
  }
}

async function walkManifest(
  entry: InventoryEntry,
  files: FilesHere,
  covered: Covered,
  { database, held }: { database: Database; held: Version | undefined },
): Promise<ManifestWalk> {
  const walker = new Walker(files, covered);
  const source = await filesOf(database).open(entry.source);
  try {
    const replay = await replayManifest(source, {
      dialect: database.dialect,
      ...(held && { held }),
      files: database.inventory.entries.length,
      onApplied: (version, edits, end) => walker.applied(version, edits, end),
    });
    const { stretches, known, tablesHere, begunWith, begunSequence, edits } = walker;
    return {
      entry,
      replay,
      whole: [...new Set(stretches())].sort((a, b) => a - b),
      beforeDrops: walker.beforeDrops(),
      known,
      here: tablesHere,
      outlived: walker.outlived(),
      begunWith,
      begunSequence,
      edits,
    };
  } finally {
    await source.close();
  }
}

/** What is missing after each edit, counted by what the edit changes. */
class Walker {
  readonly known = new Set<bigint>();
  readonly tablesHere = new Map<bigint, LiveTable>();
  readonly begunWith = new Set<bigint>();
  begunSequence = 0n;
  edits = 0;
  /** After the first edits, which write down a version piece by piece. */
  private begun = false;
  private readonly tables = new Map<bigint, LiveTable>();
  /** Deleted tables, to those that the same edit added. */
  private readonly successors = new Map<bigint, readonly bigint[]>();
  private readonly drops: number[] = [];
  private readonly blobs = new Set<bigint>();
  /** A missing table that nothing else holds. */
  private uncovered: LiveTable | undefined;
  private readonly here = new Stretches();
  private readonly elsewhere = new Stretches();

  constructor(
    private readonly files: FilesHere,
    private readonly covered: Covered,
  ) {}

  readonly stretches = (): number[] => [...this.here.ends, ...this.elsewhere.ends];

  /** A drop that files outlived comes after the moment that they are of, unless everything later is here, too. */
  readonly beforeDrops = (): number[] => this.drops.filter((end) => end < (this.here.ends.at(-1) ?? 0));

  applied(version: Version, edits: readonly VersionEdit[], end: number): void {
    const drops = edits.some(({ columnFamilyDrop }) => columnFamilyDrop);
    if (drops && this.here.last !== undefined) this.drops.push(this.here.last);
    for (const edit of edits) this.take(version, edit);
    this.edits += edits.length;
    if (!this.begun) this.begunSequence = version.lastSequence ?? 0n;
    // only edits of a running database give out numbers
    this.begun ||= edits.some(({ nextFileNumber }) => nextFileNumber !== undefined);
    if (!this.begun) return;
    const blobsHere = this.blobs.size === 0 || this.blobsHere(version);
    this.here.note(blobsHere && this.tables.size === 0, end);
    const covered = blobsHere && this.allCovered(version);
    this.elsewhere.note(covered, end);
  }

  /** The first that is not covered is asked first again: edit after edit it is the same one. */
  private allCovered({ columnFamilies }: Version): boolean {
    const { uncovered } = this;
    if (uncovered !== undefined && this.tables.get(uncovered.number) === uncovered) return false;
    this.uncovered = undefined;
    for (const table of this.tables.values()) {
      if (this.covered(table, columnFamilies.get(table.columnFamily))) continue;
      this.uncovered = table;
      return false;
    }
    return true;
  }

  private take({ columnFamilies }: Version, edit: VersionEdit): void {
    const family = columnFamilies.get(edit.columnFamily);
    if (edit.columnFamilyDrop) this.forgetFamily(edit.columnFamily);
    const added = edit.newFiles.map(({ number }) => number);
    for (const { number } of edit.deletedFiles) {
      this.tables.delete(number);
      this.successors.set(number, added);
    }
    for (const { number } of edit.newFiles) {
      this.known.add(number);
      if (!this.begun) this.begunWith.add(number);
      const live = family?.tables.get(number);
      if (live !== undefined) this.files.learn(live);
      const isHere = live !== undefined && this.files.table(live) !== undefined;
      if (isHere) this.tablesHere.set(number, live);
      if (live === undefined || isHere) this.tables.delete(number);
      else this.tables.set(number, live);
    }
    for (const { number } of edit.blobFileAdditions) {
      const blob = family?.blobFiles.get(number);
      if (blob !== undefined && this.files.blob(blob) === undefined) this.blobs.add(number);
    }
  }

  /** Edits lead from what they delete to what is missing at the end; numbers only grow, so each is looked at once. */
  outlived(): Set<bigint> {
    const outlived = new Set<bigint>();
    const numbers = [...this.successors.keys()].sort((a, b) => (a > b ? -1 : 1));
    for (const number of numbers) {
      const ends = this.successors.get(number)!;
      if (ends.some((next) => next > number && (this.tables.has(next) || outlived.has(next))))
        outlived.add(number);
    }
    return outlived;
  }

  private forgetFamily(id: number): void {
    for (const [number, { columnFamily }] of this.tables) if (columnFamily === id) this.tables.delete(number);
  }

  /** Blob files leave without an edit, when no table is linked to them any more. */
  private blobsHere({ columnFamilies }: Version): boolean {
    const here = [...columnFamilies.values()].every(
      (family) => missingBlobs(family, this.files).length === 0,
    );
    // what is not live any more does not come back
    if (here) this.blobs.clear();
    return here;
  }
}

/** Ends of stretches in which something holds, but for one that lasts to the end. */
class Stretches {
  readonly ends: number[] = [];
  last: number | undefined;

  note(holds: boolean, end: number): void {
    if (!holds && this.last !== undefined) {
      this.ends.push(this.last);
      if (this.ends.length > KEPT) this.ends.shift();
    }
    this.last = holds ? end : undefined;
  }
}

/** Live blob files that are not here. */
export function missingBlobs(family: ColumnFamily, files: FilesHere) {
  return [...liveBlobFiles(family).values()].filter((blob) => files.blob(blob) === undefined);
}

/** `undefined` where the medium fails. */
async function readable<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return undefined;
  }
}

/** No edit of a MANIFEST is lost, as far as it shows itself. */
export function isSound({ complete, tail, openGroup, dialect, error }: ManifestReplay): boolean {
  // LevelDB opens none that lacks a number
  if (dialect === 'leveldb' && error !== undefined) return false;
  return complete && (tail.state === 'clean' || tail.state === 'zero-fill') && openGroup === undefined;
}

/** It adds tables and sets no log number (rocksdb db/repair.cc, leveldb db/repair.cc): an engine's flush sets one. */
export function isOfRepairDb({ columnFamilies }: Version): boolean {
  return [...columnFamilies.values()].every(({ tables, logNumber }) => tables.size === 0 || logNumber === 0n);
}
