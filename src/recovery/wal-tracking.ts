import { corruption, type EngineError } from './status.js';

/**
 * What `track_and_verify_wals_in_manifest` (6.15) refuses before any WAL is read, in every mode: a tracked WAL with a known
 * size that is missing or shorter (rocksdb db/wal_edit.cc, WalSet::CheckWals). A longer one is fine, one without a
 * size is not looked at.
 */
export function checkTrackedWals(
  tracked: ReadonlyMap<bigint, bigint | undefined>,
  onDisk: ReadonlyMap<bigint, number>,
): { error: EngineError; wal: bigint } | undefined {
  const numbers = [...tracked.keys()].sort((a, b) => (a < b ? -1 : 1));
  for (const number of numbers) {
    const synced = tracked.get(number);
    if (synced === undefined) continue;
    const size = onDisk.get(number);
    if (size === undefined) {
      return { wal: number, error: corruption('missing-file', `Missing WAL with log number: ${number}.`) };
    }
    if (BigInt(size) < synced) {
      const text = `Size mismatch: WAL (log number: ${number}) in MANIFEST is ${synced} bytes , but actually is ${size} bytes on disk.`;
      return { wal: number, error: corruption('size-mismatch', text) };
    }
  }
  return undefined;
}
