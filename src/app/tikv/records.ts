/**
 * Records of transactions (tikv components/txn_types/src/write.rs, lock.rs). u64 are big-endian, `varint` as in protobuf.
 *
 *   Write   type P D L R   varint start ts   tagged*
 *             v len u8, value    R overlapped rollback    F u64 GC fence    l u64, varint last change    S varint source
 *   Lock    type P D L S H   zigzag varint length, primary   varint start ts   varint ttl   tagged*
 *             v len u8, value    f u64 for-update ts      t u64 transaction size     c u64 least commit ts
 *             a varint n, n × (zigzag varint length, secondary)    r varint n, n × u64 rollbacks
 *             l u64, varint last change    s varint source    F in conflict    g u64 generation    h varint n, n × lock
 *
 * Tagged fields come in any order here. An unknown tag ends the record, as it does for TiKV: a later release wrote it.
 */
import { Cursor } from '../../bytes/cursor.js';

export const writeTypes = { P: 'put', D: 'delete', L: 'lock', R: 'rollback' } as const;
type WriteType = keyof typeof writeTypes;

export interface WriteRecord {
  type: WriteType;
  startTs: bigint;
  /** A value of at most 255 bytes; a put without one has its value in column family default. */
  shortValue?: Uint8Array;
  /** Set where a rollback came upon it; not 0: a newer version, without which this one counts as collected. */
  gcFence?: bigint;
}

export const lockTypes = { P: 'put', D: 'delete', L: 'lock', S: 'pessimistic', H: 'shared' } as const;
type LockType = keyof typeof lockTypes;

export interface LockRecord {
  type: LockType;
  /** The key whose fate decides the transaction's. */
  primary: Uint8Array;
  startTs: bigint;
  /** Milliseconds. */
  ttl: bigint;
  shortValue?: Uint8Array;
  /** 0 where the transaction is optimistic. */
  forUpdateTs: bigint;
  minCommitTs: bigint;
  /** Keys that are committed with a primary, where it commits asynchronously. */
  secondaries?: Uint8Array[];
  /** Locked although another transaction had committed in between. */
  inConflict: boolean;
}

/** Bytes of a record or a list that are read as such; a lock with more of them is not one. */
const MAX_LISTED = 1 << 20;

/** `undefined` where the bytes are no such record. */
export function decodeWrite(bytes: Uint8Array): WriteRecord | undefined {
  const cursor = new Cursor(bytes);
  const type = String.fromCharCode(cursor.u8() ?? 0);
  if (!Object.hasOwn(writeTypes, type)) return undefined;
  const startTs = cursor.varint64();
  if (startTs === undefined) return undefined;
  const record: WriteRecord = { type: type as WriteType, startTs };
  while (cursor.remaining > 0) {
    const tag = String.fromCharCode(cursor.u8()!);
    if (tag === 'v') {
      record.shortValue = cursor.take(cursor.u8() ?? -1);
      if (record.shortValue === undefined) return undefined;
    } else if (tag === 'F') {
      record.gcFence = u64(cursor);
      if (record.gcFence === undefined) return undefined;
    } else if (tag === 'l') {
      if (u64(cursor) === undefined || cursor.varint64() === undefined) return undefined;
    } else if (tag === 'S') {
      if (cursor.varint64() === undefined) return undefined;
    } else if (tag !== 'R') break;
  }
  return record;
}

/** `undefined` where the bytes are no such record. */
export function decodeLock(bytes: Uint8Array): LockRecord | undefined {
  const cursor = new Cursor(bytes);
  const type = String.fromCharCode(cursor.u8() ?? 0);
  if (!Object.hasOwn(lockTypes, type)) return undefined;
  const primary = compactBytes(cursor);
  const startTs = cursor.varint64();
  const ttl = cursor.varint64();
  if (primary === undefined || startTs === undefined || ttl === undefined) return undefined;
  const lock: LockRecord = {
    type: type as LockType,
    primary,
    startTs,
    ttl,
    forUpdateTs: 0n,
    minCommitTs: 0n,
    inConflict: false,
  };
  while (cursor.remaining > 0) {
    const tag = String.fromCharCode(cursor.u8()!);
    const read = Object.hasOwn(lockFields, tag) ? lockFields[tag] : undefined;
    if (read === undefined) break;
    if (!read(cursor, lock)) return undefined;
  }
  return lock;
}

/** Reads what follows a tag of a lock. False when it is absent. */
const lockFields: Record<string, (cursor: Cursor, lock: LockRecord) => boolean> = {
  v(cursor, lock) {
    lock.shortValue = cursor.take(cursor.u8() ?? -1);
    return lock.shortValue !== undefined;
  },
  f(cursor, lock) {
    const value = u64(cursor);
    lock.forUpdateTs = value ?? 0n;
    return value !== undefined;
  },
  c(cursor, lock) {
    const value = u64(cursor);
    lock.minCommitTs = value ?? 0n;
    return value !== undefined;
  },
  a(cursor, lock) {
    lock.secondaries = listed(cursor, compactBytes);
    return lock.secondaries !== undefined;
  },
  F(_, lock) {
    lock.inConflict = true;
    return true;
  },
  t: (cursor) => u64(cursor) !== undefined,
  g: (cursor) => u64(cursor) !== undefined,
  s: (cursor) => cursor.varint64() !== undefined,
  l: (cursor) => u64(cursor) !== undefined && cursor.varint64() !== undefined,
  r: (cursor) => listed(cursor, u64) !== undefined,
  h: (cursor) => listed(cursor, compactBytes) !== undefined,
};

function listed<T>(cursor: Cursor, read: (cursor: Cursor) => T | undefined): T[] | undefined {
  const count = cursor.varint64();
  // each takes a byte at least
  if (count === undefined || count > BigInt(Math.min(cursor.remaining, MAX_LISTED))) return undefined;
  const items: T[] = [];
  for (let i = 0n; i < count; i++) {
    const item = read(cursor);
    if (item === undefined) return undefined;
    items.push(item);
  }
  return items;
}

/** A length as zigzag varint, which is never negative, and that many bytes. */
function compactBytes(cursor: Cursor): Uint8Array | undefined {
  const zigzag = cursor.varint64();
  if (zigzag === undefined || (zigzag & 1n) === 1n || zigzag >> 1n > BigInt(cursor.remaining))
    return undefined;
  return cursor.take(Number(zigzag >> 1n));
}

function u64(cursor: Cursor): bigint | undefined {
  const bytes = cursor.take(8);
  return bytes && new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0);
}
