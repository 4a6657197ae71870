import { BeyondLimit } from '../bytes/beyond-limit.js';
import type { ByteSource } from '../bytes/source.js';
import type { Database } from '../engine/database.js';
import { unorderedFamilies, unorderedReason } from '../engine/unknown-order.js';
import { unseenParts } from '../engine/unseen.js';
import type { LiveTable, Version } from '../format/manifest/version.js';
import { VALUE_TYPE } from '../format/sst/internal-key.js';
import type { Table } from '../format/sst/table.js';
import { deniedText, isDenied } from '../io/file-user.js';
import { unlessInterrupted } from '../io/interruption.js';
import type { InventoryEntry } from '../io/inventory.js';
import { openListed, openSource } from '../io/source.js';
import { inventoryFiles } from '../lsm/inventory-files.js';
import { PebbleBlobValues } from '../lsm/pebble-blob-values.js';
import { UncommittedSequences } from '../lsm/uncommitted.js';
import { followBlob, searchBlob } from './blob-versions.js';
import { Collection, type FoundFile, type FoundKey, type FoundVersion } from './found.js';
import { judge, liesOver, newestFirst } from './judge.js';
import { Reader, type ReaderSees } from './reader.js';
import { isApplied, type Replayed, replayFor } from './replayed.js';
import type { FindHooks, FindReport, KeyReport } from './report.js';
import { UnknownColumnFamily } from './report.js';
import { searchTable } from './table-versions.js';
import { searchWal } from './wal-versions.js';
import { type Family, familyOf, type Wanted } from './wanted.js';
/** One search through the files of a database. */
export class VersionSearch {
  private readonly collection: Collection;
  private readonly families = new Map<number, Family>();
  /** By the file that they are in: parts of one may be several tables of Pebble. */
  private readonly live = new Map<bigint, LiveTable[]>();
  private replayed: Replayed | undefined;
  /** The engine reads a file that this user may not read. */
  private denied = false;
  /** Limits that were met. */
  private readonly beyond: BeyondLimit[] = [];
  private readonly blobs: PebbleBlobValues;

  constructor(
    private readonly database: Database,
    private readonly wanted: Wanted,
    private readonly columnFamily: string | undefined,
    limit: number,
  ) {
    this.collection = new Collection(limit);
    this.blobs = new PebbleBlobValues(inventoryFiles(database.inventory));
    const { version } = database;
    for (const family of version?.columnFamilies.values() ?? []) {
      this.families.set(family.id, familyOf(family.id, family.name, family.comparator));
      for (const table of family.tables.values()) {
        const file = table.backing ?? table.number;
        this.live.set(file, [...(this.live.get(file) ?? []), table]);
      }
    }
    for (const [id, name] of version?.droppedColumnFamilies ?? [])
      if (!this.families.has(id)) this.families.set(id, familyOf(id, name, undefined));
    const known = [...this.families.values()].flatMap(({ name }) => name ?? []);
    const isNumber = columnFamily !== undefined && /^\d+$/.test(columnFamily);
    if (columnFamily !== undefined && version !== undefined && !isNumber && !known.includes(columnFamily))
      throw new UnknownColumnFamily(columnFamily, known);
  }

  async run({ onProgress, signal }: FindHooks): Promise<FindReport> {
    const { database, collection } = this;
    await unlessInterrupted(() => this.replay(), undefined);
    const files = this.files();
    const total = files.reduce((sum, { entry }) => sum + entry.size + 4096, 0);
    const searched = { wals: 0, tables: 0, blobFiles: 0 };
    let done = 0;
    for (const file of files) {
      if (signal?.aborted) break;
      // blob files come last: by then it is known which of their records are pointed at
      if (file.kind === 'blob') await unlessInterrupted(() => this.followBlobs(), undefined);
      const ended = await unlessInterrupted(async () => {
        await this.search(file);
        return true;
      }, false);
      if (!ended) break;
      searched[file.kind === 'wal' ? 'wals' : file.kind === 'table' ? 'tables' : 'blobFiles']++;
      done += file.entry.size + 4096;
      onProgress?.(done / total);
    }
    await unlessInterrupted(() => this.followBlobs(), undefined);
    await this.blobs.close();
    for (const { file, reason } of unseenParts(database)) collection.unread.push({ file, message: reason });
    const keys = await this.keys(signal);
    const { replayed } = this;
    return {
      target: database.target,
      keys,
      tombstones: keys.length === 0 ? collection.tombstones.toSorted(newestFirst) : [],
      moreKeys: collection.moreKeys,
      unchecked: [...this.unordered(), ...this.beyond.map(({ message }) => message)],
      unread: collection.unread,
      searched,
      ...(replayed && {
        recovery: {
          mode: replayed.outcome.mode,
          lastSequence: replayed.outcome.lastSequence,
          ...(replayed.ownError !== undefined && { ownError: replayed.ownError }),
        },
      }),
      columnFamilies: [...(database.version?.columnFamilies.values() ?? [])].map(({ name }) => name),
      interrupted: signal?.aborted ?? false,
    };
  }

  private async replay(): Promise<void> {
    const { database, wanted, beyond } = this;
    if (database.beyond !== undefined) beyond.push(database.beyond);
    try {
      this.replayed = await replayFor(database, wanted);
    } catch (error) {
      // what this user may not read is told of the file; what a reader gets then is not known
      this.denied = isDenied(error);
      if (this.denied) return;
      if (!(error instanceof BeyondLimit)) throw error;
      beyond.push(error);
    }
  }

  /** Column families that were searched and whose order is not known. */
  private unordered(): string[] {
    const searched = unorderedFamilies(this.database.version).filter(
      ({ id }) => this.family(id) !== undefined,
    );
    return searched.map(unorderedReason);
  }

  /** WALs by number, then tables, then blob files. */
  private files(): FoundFile[] {
    const { inventory, version, walCutoff, dialect } = this.database;
    const cutoff = this.replayed?.outcome.cutoff ?? walCutoff;
    const blobs = new Set(
      [...(version?.columnFamilies.values() ?? [])].flatMap((f) => [...f.blobFiles.keys()]),
    );
    const order = { wal: 0, table: 1, blob: 2 };
    return inventory.entries
      .flatMap((entry): FoundFile[] => {
        const { kind, number = 0n } = entry;
        if (kind !== 'wal' && kind !== 'table' && kind !== 'blob') return [];
        // a blob file of Pebble has no keys: tables lead to its values
        if (kind === 'blob' && dialect === 'pebble') return [];
        if (entry.place === 'lost') return [{ kind, entry, use: 'lost' }];
        if (kind === 'wal') {
          const use = entry.place === 'archive' ? 'archived' : number < cutoff ? 'obsolete' : 'live';
          return [{ kind, entry, use }];
        }
        if (kind === 'blob') return [{ kind, entry, use: blobs.has(number) ? 'live' : 'unreferenced' }];
        const [live] = this.liveTables(entry);
        return [{ kind, entry, use: live ? 'live' : 'unreferenced', ...(live && { level: live.level }) }];
      })
      .sort(
        (a, b) => order[a.kind] - order[b.kind] || Number((a.entry.number ?? 0n) - (b.entry.number ?? 0n)),
      );
  }

  private liveTables({ number, place }: InventoryEntry): readonly LiveTable[] {
    return number === undefined || place === 'lost' ? [] : (this.live.get(number) ?? []);
  }

  private async search(file: FoundFile): Promise<void> {
    const { wanted, collection } = this;
    let source: ByteSource | undefined;
    try {
      source = await openListed(file.entry);
      const common = { source, file, wanted, collection };
      const family = (id: number) => this.family(id);
      if (file.kind === 'wal') await searchWal({ ...common, dialect: this.database.dialect, family });
      else if (file.kind === 'blob')
        await searchBlob({ ...common, family, referenced: this.referenced(file) });
      else {
        const live = this.liveTables(file.entry);
        const familyOfTable = (table: Table) => this.familyOfTable(table, live[0]);
        const { dialect, version } = this.database;
        const valueFiles: Version['valueFiles'] = version?.valueFiles ?? new Map();
        const blobs = this.blobs;
        await searchTable({ ...common, dialect, familyOf: familyOfTable, live, blobs, valueFiles });
      }
      for (const { offset, length } of source.unreadable ?? [])
        collection.unread.push({
          file: file.entry.file,
          offset,
          length,
          message: 'the medium does not give it back',
        });
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code === undefined) throw error;
      const gone =
        code === 'ENOENT' ? 'the file is gone' : `it cannot be read: ${deniedText(error) ?? message}`;
      collection.unread.push({ file: file.entry.file, message: gone });
    } finally {
      await source?.close();
    }
  }

  /** The column family of that number, where it is looked for. */
  private family(id: number): Family | undefined {
    let family = this.families.get(id);
    if (family === undefined) {
      family = familyOf(id, undefined, undefined);
      this.families.set(id, family);
    }
    const { columnFamily } = this;
    const isWanted =
      columnFamily === undefined || family.name === columnFamily || columnFamily === String(id);
    return isWanted ? family : undefined;
  }

  /** As the MANIFEST says of a live table, else as the table itself says. */
  private familyOfTable({ properties, comparator }: Table, live: LiveTable | undefined): Family | undefined {
    const id = live?.columnFamily ?? Number(properties?.number('column.family.id') ?? 0n);
    if (!this.families.has(id))
      this.families.set(id, familyOf(id, properties?.text('column.family.name'), comparator.name));
    return this.family(id);
  }

  private followed = false;

  private async followBlobs(): Promise<void> {
    if (this.followed) return;
    this.followed = true;
    const entries = new Map<bigint, InventoryEntry>();
    for (const entry of this.database.inventory.entries)
      if (entry.kind === 'blob' && entry.number !== undefined) entries.set(entry.number, entry);
    const { titan } = inventoryFiles(this.database.inventory);
    const blobFile = (number: bigint) => {
      const entry = entries.get(number);
      return entry && { file: entry.file, open: () => openSource(entry.source) };
    };
    for (const { versions } of this.collection.keys())
      for (const version of versions) await followBlob(version, blobFile, titan);
  }

  private referenced({ entry }: FoundFile): Set<number> {
    const offsets = new Set<number>();
    for (const { versions } of this.collection.keys())
      for (const { blob } of versions)
        if (blob !== undefined && blob.fileNumber === entry.number) offsets.add(blob.offset);
    return offsets;
  }

  /** Keys with everything judged, and asked for as a reader would. */
  private async keys(signal: AbortSignal | undefined): Promise<KeyReport[]> {
    const { collection, replayed, database } = this;
    const found = collection.keys();
    for (const tombstone of collection.tombstones) this.place(tombstone, database.version);
    for (const { versions } of found) for (const version of versions) this.place(version, database.version);
    const opened = replayed && (() => Reader.open(database, replayed));
    const reader = opened && (await unlessInterrupted(opened, undefined));
    try {
      const answers =
        reader && !signal?.aborted
          ? await unlessInterrupted(() => readAll(reader, found), new Map())
          : new Map<FoundKey, ReaderSees>();
      const nobody: ReaderSees = { state: 'unknown', reason: reader ? 'interrupted' : this.whyNoReader() };
      const keys: KeyReport[] = [];
      for (const group of found) {
        const over = collection.tombstones.filter(
          (tombstone) => tombstone.family.id === group.family.id && liesOver(tombstone, group),
        );
        if (replayed !== undefined) judge(group, over, this.sight(replayed));
        else group.versions.sort(newestFirst);
        const sees = answers.get(group) ?? nobody;
        const doubt = group.family.order.known && contradicts(group, sees) ? OUT_OF_ORDER : undefined;
        keys.push({
          ...group,
          reader: sees,
          tombstones: over.toSorted(newestFirst),
          ...(doubt !== undefined && { doubt }),
        });
      }
      return keys;
    } finally {
      reader?.close();
    }
  }

  private sight({ outcome }: Replayed) {
    return {
      sequence: outcome.lastSequence,
      uncommitted: new UncommittedSequences(outcome.hidden),
    };
  }

  private whyNoReader(): string {
    if (this.denied) return 'this user may not read all that the database is opened with';
    return this.database.version === undefined
      ? 'no MANIFEST says which files are live'
      : 'no recovery mode opens the database';
  }

  /** Whether the database looks at a version at all; live ones are judged later. */
  private place(version: FoundVersion, current: Version | undefined): void {
    const { file, family } = version;
    const live = version.type === VALUE_TYPE.rangeDelete ? 'range-tombstone' : 'unknown';
    if (version.status === 'not-live') return;
    if (current === undefined) {
      version.status = 'unknown';
    } else if (file.use !== 'live') {
      version.status = 'not-live';
    } else if (file.kind === 'table') {
      version.status = live;
    } else if (this.replayed === undefined || isApplied(version, this.replayed)) {
      version.status = live;
    } else {
      const flushed = (current.columnFamilies.get(family.id)?.logNumber ?? 0n) > (file.entry.number ?? 0n);
      version.status = flushed ? 'flushed' : 'not-applied';
    }
  }
}

const OUT_OF_ORDER =
  'what is said of the versions goes by their sequences; the engine comes to them in another order, as a damaged table or MANIFEST has it';

/** The engine finds a value where no version counts, none where one does, or that of another version. */
function contradicts({ versions }: FoundKey, reader: ReaderSees): boolean {
  const counts = versions.filter(({ status }) => status === 'visible' || status === 'operand');
  if (reader.state === 'nothing') return counts.length > 0;
  return reader.state === 'value' && !counts.some(({ sequence }) => sequence === reader.sequence);
}

/** What a reader gets for each key, asked for by column family. */
async function readAll(reader: Reader, keys: readonly FoundKey[]): Promise<Map<FoundKey, ReaderSees>> {
  const answers = new Map<FoundKey, ReaderSees>();
  for (const id of new Set(keys.map(({ family }) => family.id))) {
    const own = keys.filter(({ family }) => family.id === id);
    for (const [key, sees] of await reader.read(own)) answers.set(key, sees);
  }
  return answers;
}
