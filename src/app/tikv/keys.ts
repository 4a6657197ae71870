/**
 * Keys of TiKV's databases (tikv components/keys/src/lib.rs); integers are big-endian:
 *
 *   01 01                          store ident          (column family default of the kv database)
 *   01 02                          bootstrap that was begun
 *   01 03                          data taken over from a raft database
 *   01 02  region u64  01 index    raft log entry       (raft database)
 *   01 02  region u64  02          raft state           (raft database)
 *   01 02  region u64  03          apply state          (column family raft of the kv database)
 *   01 02  region u64  04          raft state of a snapshot
 *   01 02  region u64  05 number   which batches hold what was applied
 *   01 03  region u64  01          state of the region  (column family raft; with an index after it in tablets)
 *   7a     key                     data
 */

export type TikvKey =
  | { kind: 'store-ident' | 'bootstrap' | 'recovery' }
  | { kind: 'raft-log'; region: bigint; index: bigint }
  | { kind: 'sequence-relation'; region: bigint; index: bigint }
  | { kind: 'raft-state' | 'apply-state' | 'snapshot-raft-state'; region: bigint }
  | { kind: 'region-state'; region: bigint; index?: bigint }
  /** `key` without the `z`: a view. */
  | { kind: 'data'; key: Uint8Array };

const LOCAL = 0x01;
const DATA = 0x7a;
const RAFT = 0x02;
const META = 0x03;

const alone = { 1: 'store-ident', 2: 'bootstrap', 3: 'recovery' } as const;
const raftSuffixes = { 2: 'raft-state', 3: 'apply-state', 4: 'snapshot-raft-state' } as const;
const indexedSuffixes = { 1: 'raft-log', 5: 'sequence-relation' } as const;

/** Length of a local key of a region, and of one with an index after it. */
const REGION_KEY = 11;
const INDEXED_KEY = 19;

/** `undefined` for keys that are none of TiKV's. */
export function decodeTikvKey(bytes: Uint8Array): TikvKey | undefined {
  if (bytes[0] === DATA) return { kind: 'data', key: bytes.subarray(1) };
  if (bytes[0] !== LOCAL || bytes.length < 2) return undefined;
  if (bytes.length === 2) {
    const kind = alone[bytes[1] as keyof typeof alone];
    return kind && { kind };
  }
  if (bytes.length !== REGION_KEY && bytes.length !== INDEXED_KEY) return undefined;
  const region = u64At(bytes, 2);
  const suffix = bytes[10];
  const index = bytes.length === INDEXED_KEY ? u64At(bytes, REGION_KEY) : undefined;
  if (bytes[1] === META)
    return suffix === 1 ? { kind: 'region-state', region, ...(index !== undefined && { index }) } : undefined;
  if (bytes[1] !== RAFT) return undefined;
  if (index !== undefined) {
    const kind = indexedSuffixes[suffix as keyof typeof indexedSuffixes];
    return kind && { kind, region, index };
  }
  const kind = raftSuffixes[suffix as keyof typeof raftSuffixes];
  return kind && { kind, region };
}

export function isDataKey(bytes: Uint8Array): boolean {
  return bytes[0] === DATA;
}

function u64At(bytes: Uint8Array, at: number): bigint {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getBigUint64(at);
}
