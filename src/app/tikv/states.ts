/**
 * What TiKV keeps of its regions, as protobuf messages (pingcap/kvproto metapb.proto, raft_serverpb.proto; eraftpb.proto):
 *
 *   StoreIdent        1 cluster id   2 store id   3 API version
 *   RegionLocalState  1 state        2 Region     3 MergeState {1 min index, 2 target Region, 3 commit}   4 tablet index
 *   Region            1 id   2 start key   3 end key   4 epoch {1 conf version, 2 version}   5 Peer*
 *   Peer              1 id   2 store id    3 role      4 is witness
 *   RaftApplyState    1 applied index   2 truncated {1 index, 2 term}   3 last commit index   4 commit index   5 commit term
 *   RaftLocalState    1 hard state {1 term, 2 vote, 3 commit}           2 last index
 *   Entry             1 type   2 term   3 index   4 data   5 context
 *
 * Decoders give `undefined` for bytes that are not such a message. A message with fields of later releases decodes.
 */
import { ProtoMessage } from '../../format/protobuf.js';

export interface StoreIdent {
  clusterId: bigint;
  storeId: bigint;
  /** 0: V1, 1: V1 with TTL, 2: V2. */
  apiVersion: bigint;
}

export const peerStates = ['normal', 'applying a snapshot', 'tombstone', 'merging', 'unavailable'] as const;
export const TOMBSTONE = 2;
export const MERGING = 3;

export const peerRoles = ['voter', 'learner', 'incoming voter', 'demoting voter'] as const;

export interface Peer {
  id: bigint;
  storeId: bigint;
  /** Index into `peerRoles`. */
  role: number;
  witness: boolean;
}

export interface Region {
  id: bigint;
  /** As the keys of data, without their `z`. Empty: from the first key, to the last. */
  startKey: Uint8Array;
  endKey: Uint8Array;
  confVersion: bigint;
  version: bigint;
  /** None: the peer has been created and knows nothing of its region yet. */
  peers: Peer[];
}

export interface RegionState {
  /** Index into `peerStates`. */
  state: number;
  region: Region;
  /** The region that it is merged into. */
  mergeTarget?: bigint;
}

export interface ApplyState {
  appliedIndex: bigint;
  truncatedIndex: bigint;
  truncatedTerm: bigint;
  commitIndex: bigint;
  commitTerm: bigint;
}

export interface RaftState {
  term: bigint;
  vote: bigint;
  commit: bigint;
  lastIndex: bigint;
}

interface RaftEntry {
  /** 0: normal, 1 and 2: change of members. */
  type: number;
  term: bigint;
  index: bigint;
  data: Uint8Array;
}

export function decodeStoreIdent(bytes: Uint8Array): StoreIdent | undefined {
  return decoded(bytes, (message) => ({
    clusterId: message.integer(1),
    storeId: message.integer(2),
    apiVersion: message.integer(3),
  }));
}

export function decodeRegionState(bytes: Uint8Array): RegionState | undefined {
  return decoded(bytes, (message) => {
    const state = Number(message.integer(1));
    const region = decodeRegion(message.bytes(2));
    if (region === undefined || state >= peerStates.length) return undefined;
    const merge = message.bytes(3);
    const target = merge.length === 0 ? undefined : ProtoMessage.read(merge)?.bytes(2);
    const mergeTarget = target && decodeRegion(target)?.id;
    return { state, region, ...(mergeTarget !== undefined && { mergeTarget }) };
  });
}

function decodeRegion(bytes: Uint8Array): Region | undefined {
  return decoded(bytes, (message) => {
    const epoch = ProtoMessage.read(message.bytes(4));
    const peers = message.every(5).map(decodePeer);
    if (epoch === undefined || peers.includes(undefined)) return undefined;
    const region = {
      id: message.integer(1),
      startKey: message.bytes(2),
      endKey: message.bytes(3),
      confVersion: epoch.integer(1),
      version: epoch.integer(2),
      peers: peers as Peer[],
    };
    return epoch.wrong ? undefined : region;
  });
}

function decodePeer(bytes: Uint8Array): Peer | undefined {
  return decoded(bytes, (message) => ({
    id: message.integer(1),
    storeId: message.integer(2),
    role: Number(message.integer(3)),
    witness: message.flag(4),
  }));
}

export function decodeApplyState(bytes: Uint8Array): ApplyState | undefined {
  return decoded(bytes, (message) => {
    const truncated = ProtoMessage.read(message.bytes(2));
    if (truncated === undefined) return undefined;
    const state = {
      appliedIndex: message.integer(1),
      truncatedIndex: truncated.integer(1),
      truncatedTerm: truncated.integer(2),
      commitIndex: message.integer(4),
      commitTerm: message.integer(5),
    };
    return truncated.wrong ? undefined : state;
  });
}

export function decodeRaftState(bytes: Uint8Array): RaftState | undefined {
  return decoded(bytes, (message) => {
    const hard = ProtoMessage.read(message.bytes(1));
    if (hard === undefined) return undefined;
    const state = {
      term: hard.integer(1),
      vote: hard.integer(2),
      commit: hard.integer(3),
      lastIndex: message.integer(2),
    };
    return hard.wrong ? undefined : state;
  });
}

export function decodeTikvEntry(bytes: Uint8Array): RaftEntry | undefined {
  return decoded(bytes, (message) => ({
    type: Number(message.integer(1)),
    term: message.integer(2),
    index: message.integer(3),
    data: message.bytes(4),
  }));
}

function decoded<T>(bytes: Uint8Array, read: (message: ProtoMessage) => T | undefined): T | undefined {
  const message = ProtoMessage.read(bytes);
  if (message === undefined) return undefined;
  const value = read(message);
  return message.wrong ? undefined : value;
}
