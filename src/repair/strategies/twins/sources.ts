import { stat } from 'node:fs/promises';
import path from 'node:path';
import { append } from '../../../bytes/append.js';
import type { StoreSettings } from '../../../bytes/source.js';
import { backupLayout } from '../../../check/backup/layout.js';
import type { Database } from '../../../engine/database.js';
import type { Range } from '../../../finding/finding.js';
import type { InventoryEntry } from '../../../io/inventory.js';
import type { Listing } from '../../../io/listing.js';
import { isObjectAddress } from '../../../io/objects/address.js';
import { listObjects } from '../../../io/objects/listing.js';
import { openSource } from '../../../io/source.js';
import { claimedBackups, viewBackup } from '../../../scan/backup/view.js';
import { directoryOrigin, listedOrigin, type ScanOrigin, storedOrigin } from '../../../scan/origin.js';
import type { Segment } from '../../plan.js';
import { Refusal } from '../../refusal.js';
import type { IsNeeded } from './archives.js';
import { isNamedAsGiven } from './part.js';

/** A copy, or an older or later state, of the database that is repaired. It is only read. */
export interface SecondSource {
  /** For a person: its path, and which backup of it. */
  name: string;
  database: Database;
  /** Files of a compressed archive that are needed and too large to be held: what was not looked at. */
  unread: readonly string[];
  /** The number of the file at which it and the database that is repaired part (`partingOf`), found when it is first asked for. */
  partedAt(): Promise<bigint | undefined>;
}

/** A file of a second source. */
export interface TwinFile {
  source: SecondSource;
  entry: InventoryEntry;
  /** Absolute. */
  path: string;
}

/** A source before it is compared with anything. */
type OpenedSource = Omit<SecondSource, 'partedAt'>;

/** How a source parts from the database that is repaired. */
type Parting = (source: OpenedSource) => Promise<bigint | undefined>;

/**
 * Reads what the given places are: a directory of a database or a checkpoint, a BackupEngine directory, each of whose backups is a
 * source, an archive of these, or a prefix of a bucket. `isNeeded` tells by its name in a database whether a file is worth holding in memory, where it
 * cannot be read from the disk. Refuses a place that is none of these.
 */
export async function openSources(
  places: readonly string[],
  { isNeeded, store, parting }: { isNeeded: IsNeeded; store?: StoreSettings; parting: Parting },
): Promise<SecondSource[]> {
  const opened: OpenedSource[] = [];
  for (const place of places) {
    if (isObjectAddress(place)) {
      const stored = await listObjects(place, store);
      if (stored.kind === 'file')
        throw new Refusal('usage', `--from ${place}: it is one object`, 'name the prefix of a copy');
      append(opened, await sourcesOf(place, { origin: storedOrigin(stored) }));
      continue;
    }
    const full = path.resolve(place);
    const status = await stat(full).catch(() => undefined);
    if (status === undefined) throw new Refusal('usage', `--from ${place}: it is not there`);
    if (status.isDirectory()) append(opened, await sourcesOf(place, { origin: directoryOrigin(full) }));
    else {
      const { archiveListings } = await import('./archives.js');
      for (const { listing, ...archived } of await archiveListings(full, isNeeded))
        append(opened, await sourcesOf(place, { origin: listedOrigin(listing), ...archived }));
    }
  }
  return opened.map((source) => {
    let parted: Promise<bigint | undefined> | undefined;
    return {
      ...source,
      partedAt() {
        parted ??= parting(source);
        return parted;
      },
    };
  });
}

/** Where a source's files come from. */
interface Opened {
  origin: ScanOrigin;
  /** The directory in an archive. */
  root?: string;
  unread?: readonly string[];
}

async function sourcesOf(place: string, { origin, root, unread = [] }: Opened): Promise<OpenedSource[]> {
  const name = root === undefined || root === '' ? origin.target : `${origin.target}, ${root}`;
  const database = await origin.readDatabase({});
  const { kind, databases = [] } = database.detection;
  if (kind === 'backup') return backupsOf(await origin.list(), { name, unread });
  if (kind === 'container')
    throw new Refusal(
      'usage',
      `--from ${place}: it holds several databases`,
      `name one of them: ${databases.join(', ')}`,
    );
  if (kind === 'empty' || kind === 'not-a-database')
    throw new Refusal('usage', `--from ${place}: it holds no files of a database`);
  return [{ name, database, unread }];
}

/** The newest backup first: it is likeliest to have what is needed. */
async function backupsOf(
  listing: Listing,
  { name, unread }: Pick<SecondSource, 'name' | 'unread'>,
): Promise<OpenedSource[]> {
  const layout = backupLayout(listing);
  const claimed = await claimedBackups(layout);
  const sources: OpenedSource[] = [];
  for (const parts of layout.backups.toReversed()) {
    const { database } = await viewBackup(listing, parts, layout.shared, {}, claimed);
    sources.push({ name: `${name}, backup ${parts.id}`, database, unread });
  }
  return sources;
}

/** A file of a source under the path that a person finds it by. */
export function twinOf(source: SecondSource, entry: InventoryEntry): TwinFile {
  const { kind } = entry.source;
  const own = entry.source.kind === 'file' ? String(entry.source.path) : undefined;
  return { source, entry, path: kind === 'file' ? path.resolve(own!) : `${source.name}: ${entry.file}` };
}

/** Bytes of a file of a source as a plan takes them: those that lie in an archive are in the plan. */
export async function segmentsOf(
  { entry, path: file }: TwinFile,
  { offset, length }: Range,
): Promise<Segment[]> {
  if (entry.source.kind === 'file') return [{ from: 'file', path: file, offset, length }];
  const source = await openSource(entry.source);
  try {
    const bytes = new Uint8Array(length);
    const got = await source.read(bytes, offset);
    return [{ from: 'plan', bytes: bytes.subarray(0, got) }];
  } finally {
    await source.close();
  }
}

/** Files of all sources that `is` takes, each file of the disk once; `own` is left out, and what has its inode counted in `same`. */
export async function twinsOf(
  sources: readonly SecondSource[],
  is: (entry: InventoryEntry, source: SecondSource) => boolean,
  own: string | undefined,
): Promise<{ twins: TwinFile[]; same: TwinFile[] }> {
  const seen = new Set<string>();
  const mine = own === undefined ? undefined : await inodeOf(own);
  const [twins, same]: [TwinFile[], TwinFile[]] = [[], []];
  for (const source of sources) {
    for (const entry of source.database.inventory.entries) {
      if (entry.source.kind === 'file' && typeof entry.source.path !== 'string') continue;
      if (entry.place === 'lost' || !isNamedAsGiven(entry) || !is(entry, source)) continue;
      const twin = twinOf(source, entry);
      const inode = entry.source.kind === 'file' ? await inodeOf(twin.path) : twin.path;
      if (inode === undefined || seen.has(inode)) continue;
      seen.add(inode);
      (inode === mine ? same : twins).push(twin);
    }
  }
  return { twins, same };
}

async function inodeOf(file: string): Promise<string | undefined> {
  const found = await stat(file, { bigint: true }).catch(() => undefined);
  return found && `${found.dev} ${found.ino}`;
}
