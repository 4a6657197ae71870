// Values of Restate's log server and of its raft storage:
//
//   record      format u8 (1) | key style u8 | keys | flags u16 | time u64 | [length u8, that many bytes] | payload
//               keys: none (style 0), one u64 (1), two (2), from and to (3); integers little-endian;
//               flags: bit 0 hybrid time, bit 1 more header after the time     (crates/log-server rocksdb_logstore/record_format.rs)
//   trim point, tails   u32, older ones u64, big-endian
//   sequencer   node u32 | generation u32, big-endian
//   seal        the time as text
//   marker      JSON: the id of the node and the time        (crates/log-server metadata.rs)
//   raft        Protocol Buffers of raft-rs: Entry, HardState, ConfState, Snapshot (raft-rs proto/eraftpb.proto)
import { Cursor } from '../../bytes/cursor.js';
import { ProtoMessage, protoFields } from '../../format/protobuf.js';

/** A record of a loglet. */
interface LogRecord {
  /** Nanoseconds since 1970; absent for hybrid times, which count otherwise. */
  createdAt?: bigint;
  /** Partition keys that the record is for: none, one, two, or the ends of a range. */
  keys: bigint[];
  range: boolean;
  /** Bytes of the payload. */
  payload: number;
}

const FORMAT = 1;
const KEYS_OF_STYLE = [0, 1, 2, 2];
const RANGE = 3;
const HYBRID_TIME = 1;
const MORE_HEADER = 2;

/** A record of the log server. `undefined` for any other bytes, and for a newer format. */
export function decodeLogRecord(bytes: Uint8Array): LogRecord | undefined {
  const cursor = new Cursor(bytes);
  const format = cursor.u8();
  const style = cursor.u8() ?? -1;
  const wanted = KEYS_OF_STYLE[style];
  if (format !== FORMAT || wanted === undefined) return undefined;
  const keys: bigint[] = [];
  for (let i = 0; i < wanted; i++) {
    const key = cursor.u64();
    if (key === undefined) return undefined;
    keys.push(key);
  }
  const flags = cursor.u16();
  const time = cursor.u64();
  if (flags === undefined || time === undefined) return undefined;
  if ((flags & MORE_HEADER) !== 0 && cursor.take(cursor.u8() ?? -1) === undefined) return undefined;
  const hybrid = (flags & HYBRID_TIME) !== 0;
  return { ...(!hybrid && { createdAt: time }), keys, range: style === RANGE, payload: cursor.remaining };
}

/** A trim point or tail. */
export function decodeOffset(bytes: Uint8Array): bigint | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length === 4) return BigInt(view.getUint32(0));
  return bytes.length === 8 ? view.getBigUint64(0) : undefined;
}

/** `N1:3`: node 1 in its third generation. */
export function decodeNodeId(bytes: Uint8Array): string | undefined {
  if (bytes.length !== 8) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return `N${view.getUint32(0)}:${view.getUint32(4)}`;
}

/** The plain id in a node's id with generation. */
export function decodeNode(bytes: Uint8Array): number | undefined {
  if (bytes.length !== 8) return undefined;
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0);
}

/** Bytes of a marker that are looked at. */
const LONGEST_MARKER = 1024;

/** The node that a log server's storage marker names. */
export function decodeMarker(bytes: Uint8Array): number | undefined {
  if (bytes.length > LONGEST_MARKER) return undefined;
  try {
    const { id } = Object(JSON.parse(Buffer.from(bytes).toString()));
    return Number.isInteger(id) ? id : undefined;
  } catch {
    return undefined;
  }
}

interface RaftEntry {
  /** 0 for a command, 1 and 2 for changes of the members. */
  type: bigint;
  term: bigint;
  index: bigint;
  /** Bytes of the command. */
  data: number;
}

export function decodeRestateEntry(bytes: Uint8Array): RaftEntry | undefined {
  const message = ProtoMessage.read(bytes);
  if (message === undefined) return undefined;
  const entry = {
    type: message.integer(1),
    term: message.integer(2),
    index: message.integer(3),
    data: message.bytes(4).length,
  };
  return message.wrong || entry.index === 0n ? undefined : entry;
}

export interface HardState {
  term: bigint;
  vote: bigint;
  /** The last entry that a majority holds, to this server's knowledge. */
  commit: bigint;
}

export function decodeHardState(bytes: Uint8Array): HardState | undefined {
  const message = ProtoMessage.read(bytes);
  if (message === undefined) return undefined;
  const state = { term: message.integer(1), vote: message.integer(2), commit: message.integer(3) };
  return message.wrong ? undefined : state;
}

interface RaftSnapshot {
  /** The last entry that the snapshot has in it. */
  index: bigint;
  term: bigint;
  data: number;
}

/** An empty value is the snapshot of a server that never made one: index 0. */
export function decodeRaftSnapshot(bytes: Uint8Array): RaftSnapshot | undefined {
  const message = ProtoMessage.read(bytes);
  if (message === undefined) return undefined;
  const data = message.bytes(1).length;
  const metadata = ProtoMessage.read(message.bytes(2));
  if (metadata === undefined) return undefined;
  const snapshot = { index: metadata.integer(2), term: metadata.integer(3), data };
  return message.wrong || metadata.wrong ? undefined : snapshot;
}

/** Members that are named at most. */
const MOST_VOTERS = 1000;

/** The voters of a ConfState, packed or one by one. */
export function decodeVoters(bytes: Uint8Array): bigint[] | undefined {
  const voters: bigint[] = [];
  for (const { number, integer, bytes: packed } of protoFields(bytes) ?? [{ number: 1 }]) {
    if (number !== 1 || voters.length >= MOST_VOTERS) continue;
    if (integer !== undefined) voters.push(integer);
    else if (packed === undefined) return undefined;
    else
      for (const cursor = new Cursor(packed); cursor.remaining > 0 && voters.length < MOST_VOTERS; ) {
        const voter = cursor.varint64();
        if (voter === undefined) return undefined;
        voters.push(voter);
      }
  }
  return voters;
}
