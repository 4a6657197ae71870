import {
  ASKED,
  indexSpace,
  isInWindow,
  lastKey,
  type RunRules,
  runTotals,
  verifyBlocks,
} from '../../bytes/kernel.js';
import { type BlockProtection, blockChecksum, CHECKSUM, storedChecksum } from '../../format/sst/checksum.js';
import { BLOCK_TRAILER } from '../../format/sst/handle.js';
import type { BlockIndex } from '../../format/sst/index-block.js';
import { dataCompression, type Table } from '../../format/sst/table.js';
import type { SourceWindow } from '../../format/sst/window.js';
import type { Depth } from '../unit.js';
import type { HighestBlock } from './highest-block.js';
import type { DataBlockVerifier } from './verify.js';

/** Blocks in a row, each looked at, of which the kernel could say nothing: the table is not for it. */
const MOST_REFUSALS = 8;

/**
 * Data blocks that follow each other, checked in WebAssembly with all that is asked of them: checksum, compression, entries, filter, separators. Checksums
 * other than XXH3 are looked at before.
 * Its yes to a block is that of `BlockScan`; where it stops, that one has to look. A thread is warm with it from the first block on, as the
 * threads of a process share what is compiled of the kernel.
 */
export class BlockRun {
  private refusals = 0;

  private constructor(
    private readonly protection: BlockProtection,
    private readonly index: BlockIndex,
    private readonly rules: RunRules,
    private readonly verifier: DataBlockVerifier,
    private readonly highest: HighestBlock,
  ) {}

  /** Absent where the checksum, the index or the entries are beyond the kernel. */
  static for(
    table: Table,
    depth: Depth,
    declared: Uint8Array,
    verifier: DataBlockVerifier,
    highest: HighestBlock,
  ): BlockRun | undefined {
    const { index, space, indexSound, indexFormKnown } = table;
    if (index === undefined || space === undefined || !indexSound) return undefined;
    const common = { baseContext: space.baseContext, declared };
    const summed = space.checksumType === CHECKSUM.xxh3 ? 0 : ASKED.summed;
    if (depth !== 'full') {
      if (summed !== 0) return undefined;
      return new BlockRun(space, index, { ...common, asked: 0, hash: 0 }, verifier, highest);
    }
    const { entryKernel } = verifier;
    const entries = entryKernel?.runRules;
    if (entries === undefined || !indexFormKnown || index.form.firstKeys || space.columns !== undefined)
      return undefined;
    const { version = 2, dialect, dictionary } = dataCompression(table);
    const lz4 = version === 2 && (dialect ?? 'rocksdb') === 'rocksdb' && dictionary === undefined;
    const asked =
      entries.asked |
      summed |
      ASKED.entries |
      (index.form.userKeys ? 0 : ASKED.internalSeparators) |
      (lz4 ? ASKED.lz4 : 0);
    return new BlockRun(space, index, { ...common, ...entries, asked }, verifier, highest);
  }

  /**
   * How many blocks from `i` on, at most up to `to`, are sound, as far as the window holds them; their sums are in the verifier. At full depth
   * the verifier has seen the block before `i`.
   */
  verify(i: number, to: number, window: SourceWindow): number {
    const { index, rules, verifier, highest } = this;
    const isFull = (rules.asked & ASKED.entries) !== 0;
    if (this.refusals > MOST_REFUSALS || !isInWindow(window.bytes)) return 0;
    if (isFull && (verifier.entryKernel === undefined || !verifier.entryKernel.takes(verifier.keyLength)))
      return 0;
    const { start, filled } = window;
    const rest = start + filled - index.offset(i);
    const most = Math.min(to - i, Math.ceil(rest / (index.size(i) + BLOCK_TRAILER)) + 1);
    const { count: held, keysFrom } = index.copyTo(i, most, indexSpace);
    const count = (rules.asked & ASKED.summed) === 0 ? held : this.intact(i, held, window);
    if (count === 0) return 0;
    if (isFull) {
      verifier.entryKernel!.tell();
      for (let at = 0; at < verifier.keyLength; at++) lastKey[at] = verifier.key[at];
    }
    runTotals[6] = verifier.tally.maxSequence;
    runTotals[7] = highest.others;
    const previous = isFull ? verifier.keyLength : 0;
    const sound = verifyBlocks(rules, { start, filled, count, keysFrom }, previous);
    this.refusals = sound === 0 ? this.refusals + 1 : 0;
    if (isFull && sound > 0) {
      verifier.adoptRun(sound);
      const largest = i + runTotals[8];
      const handle =
        runTotals[8] < 0 ? undefined : { offset: index.offset(largest), size: index.size(largest) };
      highest.addRun(runTotals[7], handle);
    }
    return sound;
  }

  /** How many of the blocks from `i` on hold their checksums and are in the window: for checksums that the kernel does not have. */
  private intact(i: number, most: number, { bytes, start, filled }: SourceWindow): number {
    const { index, protection } = this;
    for (let count = 0; count < most; count++) {
      const offset = index.offset(i + count);
      const at = offset - start;
      const end = at + index.size(i + count);
      if (!(at >= 0 && end >= at && end + BLOCK_TRAILER <= filled)) return count;
      if (blockChecksum(protection, bytes, at, end, offset) !== storedChecksum(bytes, end)) return count;
    }
    return most;
  }
}
