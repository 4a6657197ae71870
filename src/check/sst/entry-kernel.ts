import {
  ASKED,
  blockSequences,
  blockSums,
  KERNEL_INPUT,
  KEY_HASH,
  type KeyHash,
  keyHashes,
  LONGEST_KERNEL_KEY,
  lastKey,
  type RunRules,
  setValueTypes,
  TYPE_USE,
  verifyDataBlock,
} from '../../bytes/kernel.js';
import {
  type DataRules,
  DELETION_TYPES,
  type HashedKeys,
  STRUCTURED_TYPES,
  type Tally,
} from './data-rules.js';

/** The rules that the kernel was told last; it serves every table of the thread. */
let told: Uint8Array | undefined;

/**
 * The entries of a data block in WebAssembly: 25 ns an entry where JavaScript takes 80, the filter included. Its yes is
 * the yes of `DataBlockVerifier`; where it says no, that one has to look.
 */
export class EntryKernel {
  /** Lengths of the last and of the first key of the block verified last; the keys are `lastKey` and `firstKey`. */
  lastLength = 0;
  firstLength = 0;
  private readonly uses: Uint8Array;
  private readonly hash: (typeof KEY_HASH)[KeyHash];
  private readonly keys: HashedKeys = {
    hashes: keyHashes,
    count: 0,
    firstLength: 0,
    lastLength: 0,
    blockOffset: 0,
  };

  private constructor(private readonly rules: DataRules) {
    const deletion = rules.emptyDeletions ? TYPE_USE.emptyDeletion : TYPE_USE.deletion;
    this.uses = Uint8Array.from(rules.types, (legal, type) => useOf(legal, type, deletion));
    this.hash = KEY_HASH[rules.filter?.byHash?.hash ?? 'none'];
  }

  /** Absent where the order of keys, the filter or the form of entries is beyond the kernel. */
  static for(rules: DataRules): EntryKernel | undefined {
    const { comparator, filter } = rules;
    if (comparator.order !== 'bytewise' || comparator.timestampSize !== 0) return undefined;
    if (filter !== undefined && filter.byHash === undefined) return undefined;
    if (rules.pebble !== undefined) return undefined;
    return new EntryKernel(rules);
  }

  /** What `verifyBlocks` holds the entries of a run of blocks against; absent where the filter is none that it has. */
  get runRules(): Pick<RunRules, 'asked' | 'hash' | 'bloom'> | undefined {
    const { rules, hash } = this;
    const bloom = rules.filter?.byHash?.bloom;
    if (rules.filter !== undefined && bloom === undefined) return undefined;
    const zeros = rules.zeroSequences ? ASKED.zeroSequences : 0;
    const byBlock = bloom !== undefined && bloom.parts > 0 ? ASKED.filterBlock : 0;
    return { asked: zeros | byBlock, hash, ...(bloom && { bloom }) };
  }

  /** Whether a key of so many bytes can be the one before a block. */
  takes(previousLength: number): boolean {
    return previousLength <= LONGEST_KERNEL_KEY;
  }

  /** Tells the kernel the value types of this table. */
  tell(): void {
    const { uses } = this;
    if (told !== uses) setValueTypes((told = uses));
  }

  /** True: every entry is as it should be, and is counted in `tally`. `previous` is the internal key before the block. */
  verify(
    bytes: Uint8Array,
    start: number,
    end: number,
    previous: Uint8Array,
    previousLength: number,
    tally: Tally,
    blockOffset: number,
  ): boolean {
    if (end - start > KERNEL_INPUT || !this.takes(previousLength)) return false;
    const { rules, hash, keys } = this;
    this.tell();
    for (let i = 0; i < previousLength; i++) lastKey[i] = previous[i];
    if (!verifyDataBlock(bytes, start, end, previousLength, rules.zeroSequences, hash)) return false;

    this.lastLength = blockSums[6];
    this.firstLength = blockSums[7];
    const byHash = rules.filter?.byHash;
    if (byHash !== undefined) {
      keys.count = blockSums[5];
      keys.firstLength = this.firstLength;
      keys.lastLength = this.lastLength;
      keys.blockOffset = blockOffset;
      if (!byHash.holdsAll(keys)) return false;
    }
    tally.addSums(1, blockSums[0], blockSums[1], blockSums[2], blockSums[3], blockSums[4]);
    if (blockSequences[0] < tally.minSequence) tally.minSequence = blockSequences[0];
    if (blockSequences[1] > tally.maxSequence) tally.maxSequence = blockSequences[1];
    return true;
  }
}

function useOf(legal: number, type: number, deletion: number): number {
  if (legal === 0 || STRUCTURED_TYPES[type] === 1) return TYPE_USE.foreign;
  if (DELETION_TYPES[type] === 1) return deletion;
  return type === 2 ? TYPE_USE.merge : TYPE_USE.plain;
}
