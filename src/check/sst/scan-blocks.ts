import { leaseWindow, returnWindow } from '../../bytes/kernel.js';
import { ReusedBuffer } from '../../bytes/reused-buffer.js';
import { codecOf, isUnsupported } from '../../codec/block.js';
import type { Anomaly } from '../../finding/finding.js';
import { blockChecksum, storedChecksum, verifyBlock } from '../../format/sst/checksum.js';
import { compareBytes } from '../../format/sst/comparator.js';
import { dataContents } from '../../format/sst/data-contents.js';
import { declaredCompression } from '../../format/sst/declared-compression.js';
import { BLOCK_TRAILER, type BlockHandle, handleFits } from '../../format/sst/handle.js';
import type { BlockIndex } from '../../format/sst/index-block.js';
import {
  anomaliesInFile,
  BLOCK_LIMIT,
  type BlockSpace,
  blockRange,
  checksumAnomaly,
  columnAnomaly,
} from '../../format/sst/load.js';
import { dataCompression, type Table } from '../../format/sst/table.js';
import { SourceWindow } from '../../format/sst/window.js';
import type { Depth, TableTotals } from '../unit.js';
import { BlockRun } from './block-run.js';
import type { DataRules } from './data-rules.js';
import { explainDataBlock } from './explain.js';
import { outOfOrder } from './handle-order.js';
import { hiddenCodec } from './hidden-codec.js';
import { HighestBlock } from './highest-block.js';
import type { TableReport } from './report.js';
import { DataBlockVerifier } from './verify.js';

/** Where a table does not declare the compression of its blocks. */
const EVERY_TYPE = new Uint8Array(256).fill(1);

/** Gaps between blocks up to this length are read: alignment pads to a page, or to a super block of some megabytes. */
const LARGEST_GAP = 16 * 1024 * 1024;

export interface ScannedBlocks {
  verifier: DataBlockVerifier;
  /** False when a block could not be read or decoded. */
  complete: boolean;
  /** Copies of the first and last internal key. */
  first?: Uint8Array;
  last?: Uint8Array;
  /** Keys that the filter denies, and the first of them. */
  filterMisses: Anomaly[];
  /** The block with the largest sequence. */
  highest?: TableTotals['highest'];
  bytesRead: number;
}

/**
 * Checks the data blocks [from, to) of a table: checksum, decompression and, at full depth, every entry, each block
 * against its separators. One block that is damaged does not hide the next. Rejects only when the medium fails.
 */
export async function scanBlocks(
  table: Table,
  rules: DataRules,
  depth: Depth,
  range: { from: number; to: number },
  report: TableReport,
): Promise<ScannedBlocks> {
  const leased = leaseWindow();
  const scan = new BlockScan(table, rules, depth, report, leased);
  try {
    await scan.run(range.from, range.to);
  } finally {
    if (leased !== undefined) returnWindow();
  }
  const { verifier } = scan;
  const highest = scan.highest.found;
  return {
    verifier,
    complete: scan.complete,
    first: scan.first,
    last: verifier.keyLength === 0 ? undefined : verifier.key.slice(0, verifier.keyLength),
    filterMisses: scan.filterMisses,
    ...(highest && { highest }),
    bytesRead: scan.window.bytesRead,
  };
}

class BlockScan {
  readonly verifier: DataBlockVerifier;
  readonly window: SourceWindow;
  readonly filterMisses: Anomaly[] = [];
  complete = true;
  first?: Uint8Array;
  readonly highest = new HighestBlock();
  private readonly runs: BlockRun | undefined;
  private readonly declared: Uint8Array;
  private readonly compression;
  /** Where blocks are decompressed to, if their codec can. */
  private readonly output = new ReusedBuffer();
  private outputSize = 64 * 1024;

  private readonly index: BlockIndex;
  private readonly space: BlockSpace;

  constructor(
    private readonly table: Table,
    private readonly rules: DataRules,
    private readonly depth: Depth,
    private readonly report: TableReport,
    buffer: Uint8Array | undefined,
  ) {
    this.index = table.index!;
    this.space = table.space!;
    this.verifier = new DataBlockVerifier(rules);
    this.window = new SourceWindow(table.source, this.space.limit, buffer);
    this.declared = declaredCompression(table) ?? EVERY_TYPE;
    this.compression = { ...dataCompression(table), limit: BLOCK_LIMIT };
    this.runs = BlockRun.for(table, depth, this.declared, this.verifier, this.highest);
  }

  async run(from: number, to: number): Promise<void> {
    const { index, space, window } = this;
    let expected: number | undefined =
      from === 0 ? 0 : index.offset(from - 1) + index.size(from - 1) + BLOCK_TRAILER;
    for (let i = from, sound = 0; i < to; i += Math.max(1, sound)) {
      sound = 0;
      const offset = index.offset(i);
      const size = index.size(i);
      const end = offset + size + BLOCK_TRAILER;
      if (!(offset >= 0 && size >= 0 && end <= space.limit) || size > BLOCK_LIMIT) {
        this.outOfReach(i, { offset, size });
        expected = undefined;
        continue;
      }
      if (expected !== undefined && offset !== expected) await this.checkGap(i, expected, offset);
      if (!window.has(offset, size + BLOCK_TRAILER)) await window.ensure(offset, size + BLOCK_TRAILER);
      if (!window.has(offset, size + BLOCK_TRAILER)) {
        this.complete = false;
        const message = `the file ends inside the data block at ${offset}`;
        this.report.add({ rule: 'sst/truncated', ...blockRange({ offset, size }), message });
        return;
      }
      sound = this.soundFrom(i, to);
      if (sound === 0) this.checkBlock(i, offset, size);
      const last = i + Math.max(0, sound - 1);
      expected = index.offset(last) + index.size(last) + BLOCK_TRAILER;
    }
  }

  /** Blocks from `i` on that are sound, as far as the kernel can tell. The first block of the range is always looked at: its first key is kept. */
  private soundFrom(i: number, to: number): number {
    if (this.runs === undefined || (this.depth === 'full' && this.first === undefined)) return 0;
    return this.runs.verify(i, to, this.window);
  }

  private outOfReach(i: number, handle: BlockHandle): void {
    this.complete = false;
    if (handleFits(handle, this.space.limit)) {
      this.report.skip(
        `a data block of ${handle.size} bytes is larger than kvdoctor reads`,
        ...place(handle),
      );
    } else if (this.table.indexSound) {
      const message = `the index places a data block at ${handle.offset}, ${handle.size} bytes, outside the file`;
      this.badHandle(i, message, handle);
    }
  }

  /** Reports an entry of the index, at the block that holds it. */
  private badHandle(i: number, message: string, handle: BlockHandle): void {
    const part = this.table.indexParts.findLast(({ from }) => from <= i);
    const evidence = { entry: i, blockOffset: handle.offset, blockSize: handle.size };
    this.report.add({ rule: 'sst/bad-handle', ...blockRange(part?.handle ?? handle), message, evidence });
  }

  /** Data blocks follow each other; alignment leaves zeros between them, embedded blobs their own records. */
  private async checkGap(i: number, expected: number, offset: number): Promise<void> {
    if (!this.table.indexSound || this.rules.embeddedBlobs) return;
    if (offset < expected) {
      const message = `the index places a data block at ${offset}, inside the one before it`;
      this.badHandle(i, message, { offset, size: this.index.size(i) });
      return;
    }
    const length = offset - expected;
    if (length > LARGEST_GAP) {
      const message = `${length} bytes between two data blocks belong to none`;
      this.report.add({ rule: 'sst/gap', offset: expected, length, message });
      return;
    }
    await this.window.ensure(expected, length);
    const bytes = this.window.view(expected, length);
    if (bytes === undefined || bytes.every((byte) => byte === 0)) return;
    const message = `${length} bytes between two data blocks belong to none and are not zero`;
    this.report.add({ rule: 'sst/gap', offset: expected, length, message });
  }

  private checkBlock(i: number, offset: number, size: number): void {
    const { window, space } = this;
    const { bytes } = window;
    const start = window.position(offset);
    const end = start + size;
    if (blockChecksum(space, bytes, start, end, offset) !== storedChecksum(bytes, end)) {
      this.damaged(i, bytes.subarray(start, end + BLOCK_TRAILER), { offset, size });
      return;
    }
    const type = bytes[end];
    if (this.declared[type] === 0) this.undeclared(type, { offset, size });
    if (this.depth === 'full') this.checkPayload(i, type, bytes, start, end, { offset, size });
  }

  private checkPayload(
    i: number,
    type: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    handle: BlockHandle,
  ): void {
    if (type === 0 && this.space.columns === undefined) this.checkEntries(i, bytes, start, end, handle, 0);
    else this.checkCompressed(i, type, bytes.subarray(start, end), handle);
  }

  private damaged(i: number, bytes: Uint8Array, handle: BlockHandle): void {
    const stored = verifyBlock(this.space, bytes, handle);
    if (this.table.indexSound || stored.soundAs !== undefined || this.isTrusted(i)) {
      this.report.add(checksumAnomaly(this.space, stored, 'data'));
    } else {
      this.report.skip('the damaged index does not tell what stands here', ...place(handle));
    }
    if (stored.soundAs !== undefined && this.depth === 'full') {
      this.checkPayload(i, stored.soundAs, bytes, 0, handle.size, handle);
    } else this.complete = false;
  }

  /** In a damaged index an entry counts when its neighbours agree with it. */
  private isTrusted(i: number): boolean {
    const { index } = this;
    const end = (j: number) => index.offset(j) + index.size(j) + BLOCK_TRAILER;
    const begins = i === 0 ? index.offset(0) === 0 : end(i - 1) === index.offset(i);
    return begins && i + 1 < index.count && end(i) === index.offset(i + 1);
  }

  private undeclared(type: number, handle: BlockHandle): void {
    const stated = this.table.properties?.text('compression') ?? '';
    const message = `a data block has the compression type ${type}, the properties of the table say ${stated}`;
    this.report.add({
      rule: 'sst/undeclared-compression',
      ...blockRange(handle),
      message,
      evidence: { compressionType: type, declared: stated },
    });
  }

  private checkCompressed(i: number, type: number, payload: Uint8Array, handle: BlockHandle): void {
    const codec = codecOf(type, this.compression.dialect);
    if (codec !== undefined && isUnsupported(codec)) {
      this.complete = false;
      this.report.skip(`${codec} compression (type ${type}) cannot be decoded`, ...place(handle));
      return;
    }
    const into = this.output.give(this.outputSize);
    const { bytes, error = '', columnar } = dataContents(type, payload, this.compression, into);
    if (bytes !== undefined) {
      // blocks of one table are of one size: after the first large one no further buffer is needed
      if (bytes.length > this.outputSize && bytes.length <= LARGEST_GAP) this.outputSize = 2 * bytes.length;
      this.checkEntries(i, bytes, 0, bytes.length, handle, type);
      return;
    }
    this.complete = false;
    if (columnar) {
      // of keys that are not known the table says so as a whole
      if (error !== '') this.report.add(columnAnomaly(handle, 'data', error));
      return;
    }
    if (this.table.dictionaryLost) {
      this.report.skip('without the compression dictionary the block cannot be decoded', ...place(handle));
      return;
    }
    const message = `the data block does not decompress: ${error}`;
    const evidence = { block: 'data', compression: codec ?? type };
    this.report.add({ rule: 'sst/decompression', ...blockRange(handle), message, evidence });
  }

  private checkEntries(
    i: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    handle: BlockHandle,
    compression: number,
  ): void {
    const { tally } = this.verifier;
    const before = tally.maxSequence;
    tally.maxSequence = -1;
    this.checkContents(i, bytes, start, end, handle, compression);
    tally.maxSequence = this.highest.add(before, tally.maxSequence, handle);
  }

  private checkContents(
    i: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    handle: BlockHandle,
    compression: number,
  ): void {
    const { verifier } = this;
    let first: Uint8Array | undefined;
    let firstLength = 0;
    if (verifier.verify(bytes, start, end, handle.offset)) {
      ({ first, firstLength } = verifier);
      const misplaced = verifier.tally.handles.take();
      if (misplaced !== undefined) this.report.add(outOfOrder(misplaced, blockRange(handle)));
    } else {
      const before = verifier.before.slice(0, verifier.beforeLength);
      const block = bytes.subarray(start, end);
      const isPlain = compression === 0 && this.space.columns === undefined;
      const hidden = isPlain ? hiddenCodec(block, this.compression) : undefined;
      if (hidden !== undefined) {
        this.complete = false;
        const message = `the type byte says that the data block is not compressed, and its payload is one that ${hidden} has compressed`;
        const evidence = { block: 'data', compression: 'none', decompressesAs: hidden };
        this.report.add({ rule: 'sst/decompression', ...blockRange(handle), message, evidence });
        verifier.resume(before);
        return;
      }
      const explained = explainDataBlock(block, this.rules, before, handle.offset, verifier.tally);
      this.addAnomalies(explained.anomalies, handle, compression);
      verifier.resume(explained.last ?? before);
      first = explained.first;
      firstLength = first?.length ?? 0;
    }
    if (first === undefined || firstLength === 0) return;
    this.first ??= first.slice(0, firstLength);
    this.checkSeparators(i, first, firstLength, handle);
  }

  private addAnomalies(anomalies: readonly Anomaly[], handle: BlockHandle, compression: number): void {
    const columnar = this.space.columns && { columnar: true as const };
    const place = { kind: 'data' as const, handle, stored: { compression }, ...columnar };
    const placed = anomaliesInFile(place, anomalies);
    const misses = placed.every(({ rule }) => rule === 'sst/filter-misses-key');
    for (const anomaly of placed) {
      // keys that are wrong otherwise, and those that share bytes with them, are not in the filter either
      if (anomaly.rule !== 'sst/filter-misses-key') this.report.add(anomaly);
      else if (misses) this.filterMisses.push(anomaly);
      if (anomaly.rule === 'sst/bad-entry' || anomaly.rule === 'sst/bad-block') this.complete = false;
    }
  }

  /**
   * A reader finds a key only in the block between whose separators it lies. `first` and the verifier's last key are the
   * ends of block `i`.
   */
  private checkSeparators(i: number, first: Uint8Array, firstLength: number, handle: BlockHandle): void {
    const { index, table, verifier } = this;
    // without the properties it is a guess what kind of keys the index holds
    if (!table.indexSound || !table.indexFormKnown) return;
    const { comparator } = table;
    const { key, keyLength } = verifier;
    if ((index.orderWithSeparator(comparator, key, keyLength, i) ?? 0) > 0) {
      this.badSeparator(
        'the last key of the block comes after the separator that the index has for it',
        handle,
      );
    }
    // with columns the separator is a user key, and its other versions may stand in the next block
    const least = this.space.columns === undefined ? 1 : 0;
    if (i > 0 && (index.orderWithSeparator(comparator, first, firstLength, i - 1) ?? least) < least) {
      this.badSeparator(
        'the first key of the block comes before the separator of the block before it',
        handle,
      );
    }
    const indexed = index.firstKey(i);
    if (indexed !== undefined && compareBytes(indexed, first, indexed.length, firstLength) !== 0) {
      this.badSeparator(
        'the first key that the index gives for the block is not the first key in it',
        handle,
      );
    }
  }

  private badSeparator(message: string, handle: BlockHandle): void {
    // only the index can be wrong of a block whose own keys are in order, where nothing else is known of them
    const part = this.table.dialect === 'leveldb' ? this.table.indexParts[0]?.handle : undefined;
    const evidence = { blockOffset: handle.offset, blockSize: handle.size };
    this.report.add({
      rule: 'sst/bad-separator',
      ...blockRange(part ?? handle),
      message,
      ...(part && { evidence }),
    });
  }
}

function place(handle: BlockHandle): [number, number] {
  const { offset, length } = blockRange(handle);
  return [offset, length];
}
