import { largest } from '../bytes/append.js';
import { ByteBuilder } from '../encode/byte-builder.js';
import { encodeLogRecords } from '../encode/log/writer.js';
import { encodeVersionEdit } from '../encode/manifest/edit.js';
import { snapshotEdits } from '../encode/manifest/snapshot.js';
import { PropertyList } from '../encode/sst/properties.js';
import { TableWriter } from '../encode/sst/table-writer.js';
import { atLeast, type EngineVersion } from '../engine/version.js';
import type { WideColumn } from '../format/batch/entity.js';
import { fileName } from '../format/filename.js';
import { emptyVersion, newColumnFamily } from '../format/manifest/apply.js';
import type { ColumnFamily } from '../format/manifest/version.js';
import { comparatorNamed } from '../format/sst/comparator.js';
import { internalKey, VALUE_TYPE } from '../format/sst/internal-key.js';
import type { DirectoryFile, DirectorySink } from '../io/directory-sink.js';
import type { ExportedEntry, ExportSink } from './entries.js';

/** A table ends here, bytes: what level compaction aims at by default. */
const TABLE_SIZE = 64 << 20;
/** The deepest of RocksDB's seven levels. */
const BOTTOM = 6;
/** Read by every RocksDB since 6.6; newer engines read it too. */
const FORMAT = { formatVersion: 5, checksumType: 1, baseContext: 0, filter: true };
/** Read by every RocksDB since 3.10. Filters differ in between, so there is none. */
const OLD_FORMAT = { ...FORMAT, formatVersion: 2, filter: false };
/** Values of more bytes are written from where they are: an entry as large is flushed before the next one comes. */
const LENT = 1 << 20;
const DEFAULT_COMPARATOR = 'leveldb.BytewiseComparator';

/**
 * Entries as a new database: tables on the deepest level, all sequences 0 as bottommost compaction leaves them, a MANIFEST and
 * CURRENT. Values from blob files stand in the tables; operands that could not be merged stay operands.
 */
export class DatabaseExport implements ExportSink {
  private readonly version = emptyVersion();
  private current?: ColumnFamily;
  private writer?: TableWriter;
  private file?: DirectoryFile;
  private number = 0n;
  private next = 4n;

  /** Wide-column entities that were written with their default column alone, since the engine knows no others. */
  narrowed = 0;
  private readonly format: typeof FORMAT;
  private readonly takesEntities: boolean;

  /** `engine`: the release that is to read it. Default: any since 6.6. */
  constructor(
    private readonly directory: DirectorySink,
    engine?: EngineVersion,
  ) {
    this.format = engine === undefined || atLeast(engine, 6, 6) ? FORMAT : OLD_FORMAT;
    this.takesEntities = engine === undefined || atLeast(engine, 7, 4);
  }

  async family({ id, name, comparator }: ColumnFamily): Promise<void> {
    await this.endTable();
    const family = { ...newColumnFamily(id, name), comparator: comparator || DEFAULT_COMPARATOR };
    this.version.columnFamilies.set(id, family);
    this.current = family;
  }

  entry(entry: ExportedEntry): void {
    this.writer ??= new TableWriter({
      ...this.format,
      comparator: comparatorNamed(this.current!.comparator),
    });
    const { key, value, columns, unmerged } = entry;
    const put = (sequence: number, type: number, bytes: Uint8Array) =>
      this.writer!.add(internalKey(key, BigInt(sequence), type), bytes);
    if (unmerged !== undefined) {
      const { operands, base } = unmerged;
      for (let i = operands.length; i > 0; i--) put(i, VALUE_TYPE.merge, operands[i - 1]);
      if (base !== undefined) put(0, VALUE_TYPE.put, base);
    } else if (columns !== undefined && !this.takesEntities) {
      this.narrowed++;
      put(0, VALUE_TYPE.put, value);
    } else if (columns === undefined && value.length > LENT) {
      this.writer.addLent(internalKey(key, 0n, VALUE_TYPE.put), value);
    } else if (columns !== undefined) put(0, VALUE_TYPE.entity, encodeEntity(columns));
    else put(0, VALUE_TYPE.put, value);
  }

  async flush(): Promise<void> {
    if (this.writer === undefined) return;
    await this.drain(this.writer);
    if (this.writer.written >= TABLE_SIZE) await this.endTable();
  }

  /** Writes the last table and the metadata. The directory is whole then and may be committed. */
  async finish(): Promise<void> {
    await this.endTable();
    const number = this.next;
    const { version } = this;
    version.columnFamilies.get(0)!.comparator ||= DEFAULT_COMPARATOR;
    version.lastSequence ??= 0n;
    version.maxColumnFamily = largest(version.columnFamilies.keys(), 0);
    const edits = snapshotEdits(version, { nextFileNumber: number + 1n });
    await this.write(fileName('manifest', number), encodeLogRecords(edits.map(encodeVersionEdit)));
    await this.write('CURRENT', Buffer.from(`${fileName('manifest', number)}\n`));
  }

  private async drain(writer: TableWriter): Promise<void> {
    if (this.file === undefined) {
      this.number = this.next++;
      this.file = await this.directory.file(fileName('table', this.number));
    }
    for (const piece of writer.take()) if (piece.from === 'bytes') await this.file.write(piece.bytes);
  }

  private async endTable(): Promise<void> {
    const { writer, current } = this;
    if (writer === undefined || current === undefined) return;
    this.writer = undefined;
    const properties = new PropertyList()
      .text('comparator', current.comparator)
      .text('compression', 'NoCompression')
      .text('merge.operator', 'nullptr')
      .text('prefix.extractor.name', 'nullptr')
      .text('property.collectors', '[]')
      .number('column.family.id', current.id)
      .text('column.family.name', current.name);
    const { size, smallest, largest, smallestSequence, largestSequence } = writer.finish(properties);
    await this.drain(writer);
    await this.file!.close();
    this.file = undefined;
    if (largestSequence > (this.version.lastSequence ?? 0n)) this.version.lastSequence = largestSequence;
    current.tables.set(this.number, {
      columnFamily: current.id,
      level: BOTTOM,
      number: this.number,
      pathId: 0,
      size: BigInt(size),
      smallest: smallest!,
      largest: largest!,
      smallestSequence,
      largestSequence,
      addedAt: 0,
      entry: { offset: 0, length: 0 },
    });
  }

  private async write(name: string, bytes: Uint8Array): Promise<void> {
    const file = await this.directory.file(name);
    await file.write(bytes);
    await file.close();
  }
}

/** Wide columns, version 1 (rocksdb db/wide/wide_column_serialization.h). Names are in order already. */
function encodeEntity(columns: readonly WideColumn[]): Uint8Array {
  const out = new ByteBuilder().varint(1).varint(columns.length);
  for (const { name, value } of columns) out.lengthPrefixed(name).varint(value.length);
  for (const { value } of columns) out.raw(value);
  return out.finish();
}
