import type { ColumnFamily, LiveBlobFile } from './version.js';

/**
 * The blob files that the engine keeps when the last edit has been applied (rocksdb db/version_builder.cc
 * `SaveBlobFilesTo`): it drops those older than the oldest one that a table is linked to, and those that no table is
 * linked to and that are all garbage. A table is linked to the oldest blob file that it refers to.
 */
export function liveBlobFiles(family: ColumnFamily): Map<bigint, LiveBlobFile> {
  if (family.blobFiles.size === 0) return family.blobFiles;
  const linked = linkedBlobFiles(family);
  let oldest: bigint | undefined;
  for (const number of family.blobFiles.keys()) {
    if (linked.has(number) && (oldest === undefined || number < oldest)) oldest = number;
  }
  const live = new Map<bigint, LiveBlobFile>();
  for (const [number, blob] of family.blobFiles) {
    if (oldest === undefined || number < oldest) continue;
    if (linked.has(number) || blob.garbageCount < blob.totalCount) live.set(number, blob);
  }
  return live;
}

/** Numbers of the blob files that the column family's tables are linked to. */
export function linkedBlobFiles(family: ColumnFamily): Set<bigint> {
  const linked = new Set<bigint>();
  for (const { oldestBlobFile } of family.tables.values()) {
    if (oldestBlobFile !== undefined) linked.add(oldestBlobFile);
  }
  return linked;
}
