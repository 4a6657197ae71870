import { hex32 } from '../bytes/hexdump.js';
import { ReusedBuffer } from '../bytes/reused-buffer.js';
import { isFilled } from '../bytes/source.js';
import { verifyBlock } from '../format/sst/checksum.js';
import { type DataCompression, dataContents } from '../format/sst/data-contents.js';
import { BLOCK_TRAILER, handleFits } from '../format/sst/handle.js';
import type { BlockIndex } from '../format/sst/index-block.js';
import { KEY_TRAILER } from '../format/sst/internal-key.js';
import { BLOCK_LIMIT, type BlockSpace } from '../format/sst/load.js';
import { dataCompression, type Table } from '../format/sst/table.js';
import { SourceWindow } from '../format/sst/window.js';
import { BlockEntries } from './block-entries.js';
import { type BlobFileList, END, ENTRY, type EntryCursor, LOAD, type Step } from './cursor.js';
import { firstBlockFor, type KeyOrder, type KeyPosition, trailerHigh, trailerLow } from './key-order.js';
import { PebbleValues } from './pebble-values.js';
import type { ProblemLog } from './problems.js';
import type { TableBounds, TombstoneSweep } from './range-tombstones.js';

/** Bytes read at once: a read, and a promise, for some 60 blocks of the usual 4 KiB. */
const READ_AHEAD = 256 * 1024;

/** A table that is open, with what the MANIFEST adds to it. */
interface OpenedTable {
  file: string;
  table: Table;
  /** Replaces the stored sequences: an ingested table holds zeros. */
  globalSequence?: bigint;
  /** The largest sequence in it. */
  largestSequence: bigint;
  /** Only keys between these bounds count: a virtual table of Pebble. */
  part?: TableBounds;
  /** Files that values of a table of Pebble lie in. */
  blobFiles: BlobFileList;
}

/** What a cursor has to know of the walk that it is part of. */
interface CursorContext {
  order: KeyOrder;
  problems: ProblemLog;
  /** Blocks that a range tombstone covers whole are not read, as the engine does not. Absent: all are. */
  tombstones?: TombstoneSweep;
  /** Blocks count whatever their checksums. */
  unverified?: boolean;
  /** See `EntryCursor`. */
  depth?: number;
}

/**
 * Walks the point entries of a table, block after block, through one reused buffer of 256 KiB (more for larger blocks).
 * Blocks are verified, entries checked for their lengths only: order and types are for the scan.
 */
export class TableCursor implements EntryCursor {
  readonly file: string;
  /**
   * The index has no beginning and no checksum that would say so: the engine's iterator, which starts there, takes the table
   * for empty, until it seeks. A walk from the first key to the last only seeks past range tombstones.
   */
  readonly soughtOnly: boolean;
  keyBytes: Uint8Array;
  readonly keyFrom = 0;
  keyTo = 0;
  high = 0;
  low = 0;
  valueBytes: Uint8Array;
  valueFrom = 0;
  valueTo = 0;
  blobFiles?: BlobFileList;

  private readonly order: KeyOrder;
  private readonly problems: ProblemLog;
  private readonly tombstones?: TombstoneSweep;
  private readonly unverified: boolean;
  readonly depth?: number;
  /** Blocks are walked as LevelDB does: what is damaged before the first restart point it does not see. */
  private readonly atRestart: boolean;
  /** As Pebble does, which sees nothing in a block that has no room for its restart points. */
  private readonly asPebble: boolean;
  private readonly newestHigh: number;
  private readonly newestLow: number;
  private readonly index?: BlockIndex;
  /** Bytes after the key in a separator. */
  private readonly separatorTail: number;
  private readonly space?: BlockSpace;
  private readonly compression: DataCompression & { limit: number };
  private readonly window?: SourceWindow;
  private readonly entries = new BlockEntries();
  /** The next block to enter, and one after the last. */
  private block: number;
  private blocks: number;
  private inBlock = false;
  /** Where blocks are decompressed to, if their codec can. */
  private readonly output = new ReusedBuffer();
  private outputSize = 0;
  private readonly global: boolean;
  private readonly globalHigh: number;
  private readonly globalLow: number;
  /** Bytes of timestamp that the writer left out of each key: zeros for a reader. */
  private readonly padding: number;
  private readonly padded = new ReusedBuffer();
  private readonly part?: TableBounds;
  /** Of Pebble's tables: where values stand, and what their types are elsewhere. */
  private readonly values?: PebbleValues;
  private readonly listed: BlobFileList;

  /** Starts at `from` (included), at the first entry without it. */
  constructor(
    opened: OpenedTable,
    { order, problems, tombstones, unverified = false, depth }: CursorContext,
    private from?: KeyPosition,
  ) {
    const { table, globalSequence, largestSequence } = opened;
    this.order = order;
    this.problems = problems;
    this.depth = depth;
    this.tombstones = tombstones;
    this.unverified = unverified;
    this.newestHigh = trailerHigh(largestSequence);
    this.newestLow = trailerLow(largestSequence, 0);
    this.file = opened.file;
    this.index = table.index;
    this.space = table.space;
    this.compression = { limit: BLOCK_LIMIT, ...dataCompression(table) };
    if (table.space !== undefined)
      this.window = new SourceWindow(table.source, table.space.limit, READ_AHEAD);
    this.part = opened.part;
    this.listed = opened.blobFiles;
    if (table.dialect === 'pebble') this.values = new PebbleValues(table);
    this.padding = table.timestampsStripped ? order.timestampSize : 0;
    this.atRestart = table.dialect === 'leveldb' && !problems.lenient;
    this.asPebble = table.dialect === 'pebble' && !problems.lenient;
    this.blocks = this.space === undefined ? 0 : (table.index?.count ?? 0);
    this.separatorTail =
      (table.index?.form.userKeys ? 0 : KEY_TRAILER) + (this.padding > 0 ? 0 : order.timestampSize);
    this.soughtOnly = from === undefined && table.indexBeginsNowhere && !problems.lenient;
    this.block = from === undefined ? 0 : this.blockOf(from);
    this.keyBytes = this.entries.key;
    this.valueBytes = this.entries.bytes;
    this.global = globalSequence !== undefined;
    this.globalHigh = trailerHigh(globalSequence ?? 0n);
    this.globalLow = trailerLow(globalSequence ?? 0n, 0);
  }

  step(): Step {
    const { entries } = this;
    for (;;) {
      if (this.inBlock) {
        if (this.values?.waits || entries.next()) {
          this.take();
          if (this.part !== undefined && !this.isInside(this.part)) continue;
          if (this.values !== undefined && !this.takeValue(this.values)) {
            if (this.values.waits) return LOAD;
            this.complain(this.block - 1, 'a value that stands apart cannot be read');
            continue;
          }
          if (this.from !== undefined) {
            if (this.isBefore(this.from)) continue;
            this.from = undefined;
          }
          return ENTRY;
        }
        if (entries.flaw !== '') {
          if (this.resumeBehindTombstone()) continue;
          this.complain(this.block - 1, entries.flaw);
        }
        this.inBlock = false;
      }
      if (this.block >= this.blocks) return END;
      if (this.tombstones?.active && this.block > 0 && this.isCovered(this.tombstones)) {
        this.block++;
        continue;
      }
      const { offset, size } = this.handle(this.block);
      const bytes = this.window!.view(offset, size + BLOCK_TRAILER);
      if (bytes === undefined) return LOAD;
      this.enter(this.block++, bytes);
    }
  }

  async load(): Promise<void> {
    if (this.values?.waits) {
      await this.values.load();
      return;
    }
    const { block } = this;
    if (block >= this.blocks) return;
    const reason = await this.fetch(block);
    if (reason === undefined) return;
    this.complain(block, reason);
    this.block++;
  }

  /** Brings a block into the window, or says why it cannot be had. */
  private async fetch(block: number): Promise<string | undefined> {
    const handle = this.handle(block);
    const { offset, size } = handle;
    if (!handleFits(handle, this.space!.limit)) return 'its handle points outside the file';
    if (size > BLOCK_LIMIT) return `it is larger than kvdoctor reads (${size} bytes)`;
    try {
      await this.window!.ensure(offset, size + BLOCK_TRAILER);
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
    return this.window!.has(offset, size + BLOCK_TRAILER) ? undefined : 'the file ends inside it';
  }

  close(): Promise<void> {
    return this.space?.source.close() ?? Promise.resolve();
  }

  /** The first block that may hold `from`: the first whose separator does not come before it. */
  private blockOf(from: KeyPosition): number {
    const { index, order } = this;
    if (index === undefined || !order.known) return 0;
    const keyTo = from.userKey.length - order.timestampSize;
    return firstBlockFor(index, this.separatorTail, order.compareKeys, from.userKey, keyTo);
  }

  /** Whether all of the next block is deleted. Its keys lie after the entry that was read last and not after its separator. */
  private isCovered(tombstones: TombstoneSweep): boolean {
    const separator = this.index!.separator(this.block);
    const length = Math.max(0, separator.length - this.separatorTail);
    return tombstones.coversUpTo(separator, 0, length, this.newestHigh, this.newestLow, this.depth);
  }

  /**
   * An entry that cannot be read, in a block that has no checksum to fail: if a range tombstone covers it, the engine has
   * jumped over it, to the last restart point that is still before the tombstone's end.
   */
  private resumeBehindTombstone(): boolean {
    const { entries, tombstones, order } = this;
    if (!tombstones?.active) return false;
    let resume = -1;
    for (const at of entries.restartsAhead()) {
      if (!entries.peek(at)) continue;
      const keyTo = entries.peekedTo - KEY_TRAILER - (this.padding > 0 ? 0 : order.timestampSize);
      if (!tombstones.coversUpTo(entries.bytes, entries.peekedFrom, keyTo, this.newestHigh, this.newestLow))
        break;
      resume = at;
    }
    if (resume < 0) return false;
    entries.resume(resume);
    return true;
  }

  private handle(block: number): { offset: number; size: number } {
    return { offset: this.index!.offset(block), size: this.index!.size(block) };
  }

  private enter(block: number, bytes: Uint8Array): void {
    const handle = this.handle(block);
    if (isFilled(this.space!.source, handle.offset, bytes.length)) {
      this.complain(block, 'the disk reports an input/output error');
      return;
    }
    const stored = verifyBlock(this.space!, bytes, handle);
    if (!stored.intact && !this.unverified) {
      const sums = `stored ${hex32(stored.stored)}, computed ${hex32(stored.computed)}`;
      this.complain(block, `block checksum mismatch, ${sums}`);
      return;
    }
    const payload = bytes.subarray(0, handle.size);
    const { bytes: contents, error } = dataContents(
      stored.compression,
      payload,
      this.compression,
      this.output.give(this.outputSize),
    );
    if (contents === undefined && !this.space!.uncompressed) {
      this.complain(block, error ?? 'it does not decompress');
      return;
    }
    // blocks of a table are mostly of a size: with this one's, the next will not need new memory
    if (stored.compression !== 0 && contents !== undefined && contents.length > this.outputSize)
      this.outputSize = Math.ceil(contents.length * 1.25);
    this.entries.reset(contents ?? payload, this.atRestart, this.asPebble);
    this.inBlock = true;
  }

  private take(): void {
    const { entries, padding } = this;
    const end = entries.keyLength - KEY_TRAILER;
    const { key } = entries;
    this.low = (key[end] | (key[end + 1] << 8) | (key[end + 2] << 16) | (key[end + 3] << 24)) >>> 0;
    this.high = (key[end + 4] | (key[end + 5] << 8) | (key[end + 6] << 16) | (key[end + 7] << 24)) >>> 0;
    if (this.global) {
      this.high = this.globalHigh;
      this.low = (this.globalLow | (this.low & 0xff)) >>> 0;
    }
    if (padding === 0) this.keyBytes = key;
    else {
      this.padded.takeBack();
      this.keyBytes = this.padded.extend(0, end + padding);
      this.keyBytes.set(key.subarray(0, end));
      this.keyBytes.fill(0, end, end + padding);
    }
    this.keyTo = end + padding;
    this.valueBytes = entries.bytes;
    this.valueFrom = entries.valueFrom;
    this.valueTo = entries.valueTo;
  }

  /** Whether the key belongs to the virtual table that is walked. After its end nothing more does. */
  private isInside({ smallest, largest }: TableBounds): boolean {
    if (this.isBefore({ ...smallest, high: 0xffffffff, low: 0xffffffff })) return false;
    const { userKey, high, low } = largest;
    const order = this.order.compareUserKeys(this.keyBytes, 0, this.keyTo, userKey, 0, userKey.length);
    // a bound that no entry can have is the first key that does not belong
    const isExclusive = high === 0xffffffff && low >>> 8 === 0xffffff;
    return order < 0 || (order === 0 && !isExclusive);
  }

  /** The value of an entry of Pebble's, wherever it stands. False: not here yet, or it cannot be read. */
  private takeValue(values: PebbleValues): boolean {
    this.low = values.typed(this.low);
    const found = values.value(this.valueBytes, this.valueFrom, this.valueTo);
    if (found === undefined) return false;
    this.valueBytes = found.bytes;
    this.valueFrom = found.from;
    this.valueTo = found.to;
    this.blobFiles = values.isInBlobFile ? this.listed : undefined;
    return true;
  }

  private isBefore({ userKey, high, low }: KeyPosition): boolean {
    const difference = this.order.compareUserKeys(this.keyBytes, 0, this.keyTo, userKey, 0, userKey.length);
    if (difference !== 0) return difference < 0;
    return this.high !== high ? this.high > high : this.low > low;
  }

  /** Reports a block; the walk goes on after it or ends. */
  private complain(block: number, reason: string): void {
    const { offset, size } = this.handle(block);
    this.inBlock = false;
    const message = `A data block cannot be read: ${reason}`;
    if (!this.problems.add({ file: this.file, offset, length: size + BLOCK_TRAILER, message }))
      this.blocks = 0;
  }
}
