import type { LockRecord, WriteRecord } from '../../src/app/tikv/records.js';
import type { ApplyState, RaftState, Region } from '../../src/app/tikv/states.js';
import { ByteBuilder } from '../../src/encode/byte-builder.js';

/*
 * TiKV's keys and values as its published formats say, for databases and for round trips. Integers in keys are big-endian.
 */

type Field = [number, number | bigint | boolean | Uint8Array | undefined];

/** A protobuf message. Zero, false and absent fields are left out, as proto3 does; repeated ones come several times. */
export function message(...fields: Field[]): Uint8Array {
  const out = new ByteBuilder();
  for (const [number, value] of fields) {
    if (value === undefined) continue;
    if (value instanceof Uint8Array) out.varint((number << 3) | 2).lengthPrefixed(value);
    else if (BigInt(value) !== 0n) out.varint(number << 3).varint(BigInt(value));
  }
  return out.finish();
}

export function encodeRegion({ id, startKey, endKey, confVersion, version, peers }: Region): Uint8Array {
  return message(
    [1, id],
    [2, startKey.length > 0 ? startKey : undefined],
    [3, endKey.length > 0 ? endKey : undefined],
    [4, message([1, confVersion], [2, version])],
    ...peers.map(
      (peer): Field => [5, message([1, peer.id], [2, peer.storeId], [3, peer.role], [4, peer.witness])],
    ),
  );
}

export function encodeRegionState(state: number, region: Region, mergeTarget?: Region): Uint8Array {
  const merge = mergeTarget && message([1, 7], [2, encodeRegion(mergeTarget)], [3, 9]);
  return message([1, state], [2, encodeRegion(region)], [3, merge]);
}

export function encodeApplyState(state: ApplyState): Uint8Array {
  const { appliedIndex, truncatedIndex, truncatedTerm, commitIndex, commitTerm } = state;
  const truncated = message([1, truncatedIndex], [2, truncatedTerm]);
  return message([1, appliedIndex], [2, truncated], [4, commitIndex], [5, commitTerm]);
}

export function encodeRaftState({ term, vote, commit, lastIndex }: RaftState): Uint8Array {
  return message([1, message([1, term], [2, vote], [3, commit])], [2, lastIndex]);
}

export function encodeEntry(index: bigint, term: bigint, data: Uint8Array): Uint8Array {
  return message([2, term], [3, index], [4, data]);
}

export function encodeStoreIdent(clusterId: bigint, storeId: bigint, apiVersion = 0n): Uint8Array {
  return message([1, clusterId], [2, storeId], [3, apiVersion]);
}

const u64 = (value: bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt.asUintN(64, value));
  return bytes;
};
/** Sorts as the number does, negative ones too. */
const i64 = (value: bigint): Buffer => u64(value ^ (1n << 63n));

const local = (prefix: number, region: bigint, suffix: number, index?: bigint) =>
  Buffer.concat([
    Buffer.from([0x01, prefix]),
    u64(region),
    Buffer.from([suffix]),
    ...(index === undefined ? [] : [u64(index)]),
  ]);

export const storeIdentKey = Buffer.from([0x01, 0x01]);
export const raftLogKey = (region: bigint, index: bigint) => local(0x02, region, 0x01, index);
export const raftStateKey = (region: bigint) => local(0x02, region, 0x02);
export const applyStateKey = (region: bigint) => local(0x02, region, 0x03);
export const regionStateKey = (region: bigint) => local(0x03, region, 0x01);

export function memcomparable(bytes: Uint8Array): Buffer {
  const out: number[] = [];
  for (let at = 0; at <= bytes.length; at += 8) {
    const group = bytes.subarray(at, at + 8);
    out.push(...group, ...new Array<number>(8 - group.length).fill(0), 0xff - (8 - group.length));
  }
  return Buffer.from(out);
}

/** A user key as regions are bounded by it. */
export const rowKey = (table: bigint, handle?: bigint) =>
  Buffer.concat([
    Buffer.from('t'),
    i64(table),
    ...(handle === undefined ? [] : [Buffer.from('_r'), i64(handle)]),
  ]);

export const indexKey = (table: bigint, index: bigint, ...values: bigint[]) =>
  Buffer.concat([
    Buffer.from('t'),
    i64(table),
    Buffer.from('_i'),
    i64(index),
    ...values.flatMap((value) => [Buffer.from([3]), i64(value)]),
  ]);

/** A key of data: of column family lock without `timestamp`, of default and write with one. */
export const dataKey = (user: Uint8Array, timestamp?: bigint) =>
  Buffer.concat([
    Buffer.from('z'),
    memcomparable(user),
    ...(timestamp === undefined ? [] : [u64(~timestamp)]),
  ]);

/** A timestamp of transactions: milliseconds since 1970, and a counter. */
export const timestampOf = (time: string, counter = 0n) => (BigInt(Date.parse(time)) << 18n) | counter;

export function encodeWrite({ type, startTs, shortValue, gcFence }: WriteRecord): Uint8Array {
  const out = new ByteBuilder().raw(Buffer.from(type)).varint(startTs);
  if (shortValue !== undefined) out.raw(Buffer.from('v')).u8(shortValue.length).raw(shortValue);
  if (gcFence !== undefined) out.raw(Buffer.from('RF')).raw(u64(gcFence));
  return out.finish();
}

export function encodeLock(lock: LockRecord): Uint8Array {
  const { type, primary, startTs, ttl, shortValue, forUpdateTs, minCommitTs, secondaries, inConflict } = lock;
  const compact = (bytes: Uint8Array) => out.varint(bytes.length * 2).raw(bytes);
  const out = new ByteBuilder().raw(Buffer.from(type));
  compact(primary).varint(startTs).varint(ttl);
  if (shortValue !== undefined) out.raw(Buffer.from('v')).u8(shortValue.length).raw(shortValue);
  if (forUpdateTs !== 0n) out.raw(Buffer.from('f')).raw(u64(forUpdateTs));
  out.raw(Buffer.from('t')).raw(u64(3n));
  if (minCommitTs !== 0n) out.raw(Buffer.from('c')).raw(u64(minCommitTs));
  if (secondaries !== undefined) {
    out.raw(Buffer.from('a')).varint(secondaries.length);
    for (const key of secondaries) compact(key);
  }
  if (inConflict) out.raw(Buffer.from('F'));
  return out.finish();
}
