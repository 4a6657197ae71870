import type { BlockHandle } from '../../format/sst/handle.js';
import { blockRange } from '../../format/sst/load.js';
import type { TableTotals } from '../unit.js';

/** The block with the largest sequence, and the largest of the others. */
export class HighestBlock {
  /** Largest sequence of all blocks but that one; -1: there is none. */
  others = -1;
  private block?: BlockHandle;

  /** Adds the largest sequence of a block to `before`, that of the blocks before it; gives which is larger. */
  add(before: number, own: number, handle: BlockHandle): number {
    if (own > before) {
      this.block = handle;
      this.others = before;
      return own;
    }
    if (own > this.others) this.others = own;
    return before;
  }

  /** Takes over what is known of a run of blocks: which of them holds the largest sequence, if one does. */
  addRun(others: number, handle: BlockHandle | undefined): void {
    this.others = others;
    if (handle !== undefined) this.block = handle;
  }

  /** As far as it is known. */
  get found(): TableTotals['highest'] {
    return this.block && { ...blockRange(this.block), others: this.others };
  }
}
