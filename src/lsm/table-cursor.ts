import { type BlockCompression, decompressBlock } from '../codec/block.js';
import { verifyBlock } from '../format/sst/checksum.js';
import { BLOCK_TRAILER, handleFits } from '../format/sst/handle.js';
import type { BlockIndex } from '../format/sst/index-block.js';
import { KEY_TRAILER } from '../format/sst/internal-key.js';
import { BLOCK_LIMIT, type BlockSpace, hex32 } from '../format/sst/load.js';
import { dataCompression, type Table } from '../format/sst/table.js';
import { SourceWindow } from '../format/sst/window.js';
import { BlockEntries } from './block-entries.js';
import { END, ENTRY, type EntryCursor, LOAD, type Step } from './cursor.js';
import { type KeyOrder, type KeyPosition, trailerHigh, trailerLow } from './key-order.js';
import type { ProblemLog } from './problems.js';

/** Bytes read at once: a read, and a promise, for some 60 blocks of the usual 4 KiB. */
const READ_AHEAD = 256 * 1024;

/** A table that is open, with what the MANIFEST adds to it. */
export interface OpenedTable {
  file: string;
  table: Table;
  /** Replaces the stored sequences: an ingested table holds zeros. */
  globalSequence?: bigint;
}

/**
 * Walks the point entries of a table, block after block, through one reused buffer of 256 KiB (more for larger blocks).
 * Blocks are verified, entries checked for their lengths only: order and types are for the scan.
 */
export class TableCursor implements EntryCursor {
  readonly file: string;
  keyBytes: Uint8Array;
  readonly keyFrom = 0;
  keyTo = 0;
  high = 0;
  low = 0;
  valueBytes: Uint8Array;
  valueFrom = 0;
  valueTo = 0;

  private readonly index?: BlockIndex;
  private readonly space?: BlockSpace;
  private readonly compression: BlockCompression;
  private readonly window?: SourceWindow;
  private readonly entries = new BlockEntries();
  /** The next block to enter, and one behind the last. */
  private block: number;
  private blocks: number;
  private inBlock = false;
  /** Where blocks are decompressed to, if their codec can. */
  private output?: Uint8Array;
  private readonly global: boolean;
  private readonly globalHigh: number;
  private readonly globalLow: number;
  /** Bytes of timestamp that the writer left out of each key: zeros for a reader. */
  private readonly padding: number;
  private padded = new Uint8Array(0);

  /** Starts at `from` (included), at the first entry without it. */
  constructor(
    opened: OpenedTable,
    private readonly order: KeyOrder,
    private readonly problems: ProblemLog,
    private from?: KeyPosition,
  ) {
    const { table, globalSequence } = opened;
    this.file = opened.file;
    this.index = table.index;
    this.space = table.space;
    this.compression = { limit: BLOCK_LIMIT, ...dataCompression(table) };
    if (table.space !== undefined)
      this.window = new SourceWindow(table.source, table.space.limit, READ_AHEAD);
    this.padding = table.timestampsStripped ? order.timestampSize : 0;
    this.blocks = this.space === undefined ? 0 : (table.index?.count ?? 0);
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
        if (entries.next()) {
          if (entries.keyLength < KEY_TRAILER) {
            this.complain(this.block - 1, 'a key is shorter than its sequence and type');
            continue;
          }
          this.take();
          if (this.from !== undefined) {
            if (this.isBefore(this.from)) continue;
            this.from = undefined;
          }
          return ENTRY;
        }
        this.inBlock = false;
        if (entries.flaw !== '') this.complain(this.block - 1, entries.flaw);
      }
      if (this.block >= this.blocks) return END;
      const { offset, size } = this.handle(this.block);
      const bytes = this.window!.view(offset, size + BLOCK_TRAILER);
      if (bytes === undefined) return LOAD;
      this.enter(this.block++, bytes);
    }
  }

  async load(): Promise<void> {
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
    const cut = (index.form.userKeys ? 0 : KEY_TRAILER) + (this.padding > 0 ? 0 : order.timestampSize);
    let low = 0;
    let high = this.blocks;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const separator = index.separator(middle);
      const length = Math.max(0, separator.length - cut);
      if (order.compareKeys(separator, 0, length, from.userKey, 0, keyTo) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  private handle(block: number): { offset: number; size: number } {
    return { offset: this.index!.offset(block), size: this.index!.size(block) };
  }

  private enter(block: number, bytes: Uint8Array): void {
    const handle = this.handle(block);
    const stored = verifyBlock(this.space!, bytes, handle);
    if (!stored.intact) {
      const sums = `stored ${hex32(stored.stored)}, computed ${hex32(stored.computed)}`;
      this.complain(block, `block checksum mismatch, ${sums}`);
      return;
    }
    const payload = bytes.subarray(0, handle.size);
    const { bytes: contents, error } = decompressBlock(
      stored.compression,
      payload,
      this.compression,
      this.output,
    );
    if (contents === undefined) {
      this.complain(block, error ?? 'it does not decompress');
      return;
    }
    // blocks of a table are mostly of a size: with this one's, the next will not need new memory
    if (stored.compression !== 0 && contents.length > (this.output?.length ?? 0))
      this.output = new Uint8Array(Math.ceil(contents.length * 1.25));
    this.entries.reset(contents);
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
      if (this.padded.length < end + padding) this.padded = new Uint8Array(2 * (end + padding));
      this.padded.set(key.subarray(0, end));
      this.padded.fill(0, end, end + padding);
      this.keyBytes = this.padded;
    }
    this.keyTo = end + padding;
    this.valueBytes = entries.bytes;
    this.valueFrom = entries.valueFrom;
    this.valueTo = entries.valueTo;
  }

  private isBefore({ userKey, high, low }: KeyPosition): boolean {
    const difference = this.order.compareUserKeys(this.keyBytes, 0, this.keyTo, userKey, 0, userKey.length);
    if (difference !== 0) return difference < 0;
    return this.high !== high ? this.high > high : this.low > low;
  }

  /** Reports a block; the walk goes on behind it or ends. */
  private complain(block: number, reason: string): void {
    const { offset, size } = this.handle(block);
    this.inBlock = false;
    const message = `A data block cannot be read: ${reason}`;
    if (!this.problems.add({ file: this.file, offset, length: size + BLOCK_TRAILER, message }))
      this.blocks = 0;
  }
}
