import { RAFT_LOG_HEADER, RAFT_LOG_MAGIC } from '../format/raft-engine/file.js';

/** The header of a file of raft-engine. `like`: bytes of one, whose alignment it takes; default: none. */
export function encodeRaftLogHeader(version: 1 | 2, like?: Uint8Array): Uint8Array {
  const alignmentAt = RAFT_LOG_HEADER - 8;
  const bytes = new Uint8Array(version === 1 ? alignmentAt : RAFT_LOG_HEADER);
  bytes.set(Buffer.from(RAFT_LOG_MAGIC, 'latin1'));
  bytes[alignmentAt - 1] = version;
  if (version === 2 && like !== undefined)
    bytes.set(like.subarray(alignmentAt, RAFT_LOG_HEADER), alignmentAt);
  return bytes;
}
