import { type BlockChunks, firstNonZero } from './chunks.js';
import type { Damage, Tail, TailKind } from './damage.js';
import { lengthAt } from './physical.js';
import type { LogTraits, Resync } from './resync.js';
import { RecordKind } from './types.js';

/** The way from damage to the next whole record, over as many blocks as it takes. */
export class RecordSearch {
  /** All bytes so far are zero. */
  private zeroed: boolean;
  private oldRecord: Tail['oldRecord'];

  /**
   * `chain`: file offset at which the damaged record should end, -1 when its length is not believed. `tail`: what the
   * rest of the file is if nothing follows.
   */
  constructor(
    readonly damage: Damage,
    private readonly chain: number,
    private readonly tail: TailKind,
    chunks: BlockChunks,
  ) {
    const at = damage.offset - chunks.offset;
    this.zeroed = firstNonZero(chunks.bytes, at, chunks.blockEnd) === chunks.blockEnd;
  }

  /** The damage is a record of an earlier log, itself whole. */
  setOldRecord(logNumber: number): void {
    this.oldRecord = { offset: this.damage.offset, logNumber };
  }

  /** Looks through the current block from `at`. The position of the next whole record, -1 when there is none in it. */
  seek(chunks: BlockChunks, at: number, resync: Resync, traits: LogTraits): number {
    const { bytes, blockStart, blockEnd, offset } = chunks;
    const nonZero = firstNonZero(bytes, at, blockEnd);
    if (nonZero === blockEnd) return -1;
    const chain = this.chain - offset;
    const found = resync.find(bytes, at, blockStart, blockEnd, !chunks.short, chain, traits);
    const old = resync.oldRecord;
    if (old !== undefined) this.oldRecord ??= { offset: offset + old.at, logNumber: old.logNumber };
    this.zeroed &&= found >= 0 && nonZero >= found;
    return found;
  }

  /** The damage, now that its end is known: a whole record, or a block to begin with anew. `undefined`: zeros that a writer leaves. */
  endAt(found: number, chunks: BlockChunks, traits: LogTraits): Damage | undefined {
    const { damage } = this;
    damage.length = chunks.offset + found - damage.offset;
    if (!this.zeroed) return damage;
    damage.zeroed = true;
    const { bytes, blockStart } = chunks;
    const kind = traits.dialect.kinds[bytes[found + 6]];
    const unsplit = kind === RecordKind.timestampSizes || kind === RecordKind.predecessor;
    // A metadata record is not split: where it does not fit, the rest of the block stays empty.
    const needed = traits.dialect.headerSizes[bytes[found + 6]] + lengthAt(bytes, found);
    const legal = unsplit && found === blockStart && damage.length < needed;
    return legal && damage.recordOffset === undefined ? undefined : damage;
  }

  /** The rest of the file, in which no whole record was found. */
  endOfFile(size: number): Tail {
    const { damage, oldRecord, tail, zeroed } = this;
    damage.length = size - damage.offset;
    damage.zeroed = zeroed;
    const kind = zeroed && tail !== 'torn-header' && tail !== 'closed' ? 'zero-fill' : tail;
    return { kind, offset: damage.offset, length: damage.length, damage, ...(oldRecord && { oldRecord }) };
  }
}
