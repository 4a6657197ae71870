import { encodeLogRecords } from '../../src/encode/log/writer.js';
import { encodeVersionEdit } from '../../src/encode/manifest/edit.js';
import { emptyEdit, type NewFile, type VersionEdit } from '../../src/format/manifest/edit.js';
import { type ManifestReplay, type ReplayOptions, replayManifest } from '../../src/format/manifest/replay.js';
import { internalKey } from '../../src/format/sst/internal-key.js';
import { memorySource } from '../../src/io/source.js';

/** An edit with the given fields and nothing else. */
export function edit(fields: Partial<VersionEdit>): VersionEdit {
  return { ...emptyEdit(), ...fields };
}

/** A table of 1,000 bytes from `from`@`low` to `to`@`high`. */
export function table(
  number: number,
  level: number,
  from: string,
  to: string,
  [low, high]: [number, number] = [1, 1],
  more: Partial<NewFile> = {},
): NewFile {
  return {
    tag: 103,
    level,
    number: BigInt(number),
    pathId: 0,
    size: 1000n,
    smallest: internalKey(Buffer.from(from), BigInt(high), 1),
    largest: internalKey(Buffer.from(to), BigInt(low), 1),
    smallestSequence: BigInt(low),
    largestSequence: BigInt(high),
    unknown: [],
    offset: 0,
    length: 0,
    ...more,
  };
}

/** What every MANIFEST begins with. */
export const preamble: VersionEdit[] = [
  edit({ comparator: 'leveldb.BytewiseComparator' }),
  edit({
    logNumber: 4n,
    previousLogNumber: 0n,
    nextFileNumber: 100n,
    lastSequence: 1000n,
    maxColumnFamily: 0,
  }),
];

/** The bytes of a MANIFEST with these edits after the usual preamble. */
export function manifest(...edits: VersionEdit[]): Buffer {
  return Buffer.from(encodeLogRecords([...preamble, ...edits].map(encodeVersionEdit)));
}

const nowhere = { offset: 0, length: 0 };

export const deleted = (level: number, number: number) => ({ level, number: BigInt(number), ...nowhere });

export const blob = (number: number, count: number, bytes: number) => ({
  number: BigInt(number),
  totalCount: BigInt(count),
  totalBytes: BigInt(bytes),
  checksumMethod: '',
  checksum: new Uint8Array(0),
  ...nowhere,
});

export const garbage = (number: number, count: number, bytes: number) => ({
  number: BigInt(number),
  garbageCount: BigInt(count),
  garbageBytes: BigInt(bytes),
  ...nowhere,
});

export const wal = (number: number, syncedSize?: number) => ({
  number: BigInt(number),
  ...(syncedSize === undefined ? {} : { syncedSize: BigInt(syncedSize) }),
  ...nowhere,
});

/** Replays a MANIFEST in memory. */
export function replayBytes(bytes: Uint8Array, options?: ReplayOptions): Promise<ManifestReplay> {
  return replayManifest(memorySource(bytes), options);
}
