/**
 * The files of raft-engine, in which TiKV keeps its raft log since 6.1 (tikv/raft-engine src/file_pipe_log/format.rs, 0.4.2). Two
 * queues of files, each numbered without a hole from its oldest one on:
 *
 *   NNNNNNNNNNNNNNNN.raftlog             what is appended
 *   NNNNNNNNNNNNNNNN.rewrite             what a purge wrote again from the oldest files
 *   NNNNNNNNNNNNNNNN.raftlog.reserved    an old file that waits to be used again
 *
 *   +----------------------------+-------------+---------------------------+
 *   | magic, 53 bytes            | u64 version | u64 alignment (version 2) |    big-endian
 *   +----------------------------+-------------+---------------------------+
 *
 * Version 2 signs: the checksum of a batch's items is XORed with the lower 32 bits of the file's number, so that what an older file
 * held, whose blocks are used again, is not taken for its own. The alignment is 0 but where the engine was built for direct writes.
 */
export type Queue = 'append' | 'rewrite';

export interface RaftLogName {
  queue: Queue;
  number: bigint;
}

const NAME = /^(\d{16}).*\.(raftlog|rewrite)$/s;
const RESERVED = /^\d{16}.*\.raftlog\.reserved$/s;

/** Which file a name is; `undefined` for any other name, files that are reserved among them. */
export function parseRaftLogName(name: string): RaftLogName | undefined {
  const [, digits, suffix] = NAME.exec(name) ?? [];
  if (digits === undefined) return undefined;
  return { queue: suffix === 'raftlog' ? 'append' : 'rewrite', number: BigInt(digits) };
}

export function isReservedRaftLog(name: string): boolean {
  return RESERVED.test(name);
}

export const RAFT_LOG_MAGIC = 'RAFT-LOG-FILE-HEADER-9986AB3E47F320B394C8E84916EB0ED5';
const VERSION_AT = RAFT_LOG_MAGIC.length;
const ALIGNMENT_AT = VERSION_AT + 8;
/** Bytes of the longest header. */
export const RAFT_LOG_HEADER = ALIGNMENT_AT + 8;

export interface RaftLogHeader {
  version: 1 | 2;
  /** 0: none. */
  alignment: bigint;
  /** Bytes. */
  length: number;
}

/** Why a header is none. `unfinished`: its first bytes are there, and zeros after them, as a process that is killed leaves it. */
export type HeaderFault = 'magic' | 'version' | 'cut' | 'unfinished';

/** Reads the header in the first bytes of a file. */
export function decodeRaftLogHeader(bytes: Uint8Array): RaftLogHeader | { fault: HeaderFault } {
  for (let i = 0; i < VERSION_AT; i++) {
    if (i >= bytes.length) return { fault: 'cut' };
    if (bytes[i] !== RAFT_LOG_MAGIC.charCodeAt(i))
      return { fault: i > 0 && isZero(bytes, i) ? 'unfinished' : 'magic' };
  }
  if (bytes.length < ALIGNMENT_AT) return { fault: 'cut' };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = view.getBigUint64(VERSION_AT);
  if (version === 1n) return { version: 1, alignment: 0n, length: ALIGNMENT_AT };
  if (version !== 2n) return { fault: isZero(bytes, VERSION_AT) ? 'unfinished' : 'version' };
  if (bytes.length < RAFT_LOG_HEADER) return { fault: 'cut' };
  return { version: 2, alignment: view.getBigUint64(ALIGNMENT_AT), length: RAFT_LOG_HEADER };
}

/** Of the bytes that a header may have, those from `from` on. */
function isZero(bytes: Uint8Array, from: number): boolean {
  return bytes.subarray(from, RAFT_LOG_HEADER).every((byte) => byte === 0);
}

/** What the checksum of a batch's items is XORed with. */
export function raftLogSignature(version: 1 | 2, number: bigint): number {
  return version === 1 ? 0 : Number(BigInt.asUintN(32, number));
}
