/** Keys remembered at most; after them, repetitions go unnoticed. */
const MAX_KEYS = 2_000_000;

/**
 * Keys that are in memtables, with their sequence numbers, from one sequence number on. A memtable refuses a key under a
 * sequence number that it already has there (`key+seq exists`), which can only come about where a WAL goes back in
 * sequence: in copies of WALs, and before 10.1. So these are only gathered once a batch does go back. The engine forgets
 * them when a memtable is full and flushed in the middle of a recovery; here they stay.
 */
export class AppliedKeys {
  private readonly keys = new Set<string>();

  constructor(readonly from: bigint) {}

  has(sequence: bigint, key: string): boolean {
    return this.keys.has(`${sequence} ${key}`);
  }

  add(sequence: bigint, key: string): void {
    if (sequence >= this.from && this.keys.size < MAX_KEYS) this.keys.add(`${sequence} ${key}`);
  }
}
