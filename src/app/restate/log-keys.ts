// Keys of Restate's logs and of its raft storage, integers big-endian:
//
//   metadata server, data      'l' | index u64                            a raft entry (crates/metadata-server raft/storage/keys.rs)
//                    metadata  a name: hard-state, conf-state, snapshot, …
//   log server, data           'd' | loglet u64 | offset u64              a record (crates/log-server rocksdb_logstore/keys.rs)
//               metadata       kind u8 | loglet u64                       'g' 'l' tails, 's' sequencer, 't' trim point, 'Z' seal
//               metadata       storage-marker
//   local metadata store       text: nodes_config, bifrost_config, …      (crates/metadata-server local/storage.rs, up to 1.5)
//   local loglet, data         'd' | loglet u64 | offset u64              (crates/bifrost providers/local_loglet/keys.rs)
//                 metadata     'm' | loglet u64 | kind u8
//
// A loglet's number is its log's in the upper 32 bits and its segment's in the lower; Restate writes it `log_segment`. Offsets
// begin with 1 and fit 32 bits although 64 are stored.

/** Names in column family metadata of the metadata server. */
const raftStates = [
  'hard-state',
  'conf-state',
  'snapshot',
  'nodes-configuration',
  'raft-server-state',
  'storage-marker',
] as const;
type RaftState = (typeof raftStates)[number];

/** The key of what a log server and a metadata server write before anything else. */
export const MARKER = 'storage-marker';

const logletFacts = {
  103: 'known-global-tail',
  108: 'local-tail',
  115: 'sequencer',
  116: 'trim-point',
  90: 'seal',
} as const;

/** What is known of one loglet beside its records. */
export type LogletFact = (typeof logletFacts)[keyof typeof logletFacts];

export type LogKey =
  | { kind: 'raft-entry'; index: bigint }
  | { kind: 'raft-state'; name: RaftState }
  | { kind: 'record'; loglet: bigint; offset: bigint }
  | { kind: LogletFact | 'loglet-state'; loglet: bigint }
  | { kind: 'marker' }
  | { kind: 'metadata'; name: string };

const RAFT_ENTRY = 0x6c;
const RECORD = 0x64;
const LOCAL_METADATA = 0x6d;
const LOG_STATE = 1;

/** Kind byte and one number. */
const NUMBERED = 9;
const RECORD_KEY = 17;
const LOCAL_METADATA_KEY = 10;

/** Offsets that a loglet can have. */
const LARGEST_OFFSET = 0xffff_ffffn;

function u64(bytes: Uint8Array, at: number): bigint {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getBigUint64(at);
}

const ascii = new TextDecoder('latin1');

/** A key of the metadata server's column family `data`. `undefined` for any other key. */
export function decodeRaftEntryKey(bytes: Uint8Array): LogKey | undefined {
  if (bytes.length !== NUMBERED || bytes[0] !== RAFT_ENTRY) return undefined;
  return { kind: 'raft-entry', index: u64(bytes, 1) };
}

/** A key of the metadata server's column family `metadata`. */
export function decodeRaftStateKey(bytes: Uint8Array): LogKey | undefined {
  if (bytes.length > 32) return undefined;
  const text = ascii.decode(bytes);
  const name = raftStates.find((each) => each === text);
  return name && { kind: 'raft-state', name };
}

/** A key of column family `data` of the log server or `logstore_data` of a local loglet. */
export function decodeRecordKey(bytes: Uint8Array): LogKey | undefined {
  if (bytes.length !== RECORD_KEY || bytes[0] !== RECORD) return undefined;
  const offset = u64(bytes, NUMBERED);
  if (offset === 0n || offset > LARGEST_OFFSET) return undefined;
  return { kind: 'record', loglet: u64(bytes, 1), offset };
}

/** A key of the log server's column family `metadata`. */
export function decodeLogletKey(bytes: Uint8Array): LogKey | undefined {
  if (bytes.length === MARKER.length && ascii.decode(bytes) === MARKER) return { kind: 'marker' };
  if (bytes.length !== NUMBERED || !(bytes[0] in logletFacts)) return undefined;
  return { kind: logletFacts[bytes[0] as keyof typeof logletFacts], loglet: u64(bytes, 1) };
}

/** A key of a local loglet's column family `logstore_metadata`. */
export function decodeLocalLogletKey(bytes: Uint8Array): LogKey | undefined {
  if (bytes.length !== LOCAL_METADATA_KEY || bytes[0] !== LOCAL_METADATA || bytes[NUMBERED] !== LOG_STATE)
    return undefined;
  return { kind: 'loglet-state', loglet: u64(bytes, 1) };
}

/** Written when the contents have moved to the replicated metadata server: nothing else is read from then on. */
export const SEALED = '##restate_internal_sealed##';

/** Keys of the local metadata store by which it is told from others. */
export const metadataKeys: ReadonlySet<string> = new Set([
  SEALED,
  'nodes_config',
  'bifrost_config',
  'partition_table',
  'schema_registry',
]);

/** Bytes of a metadata key: names, and names with a partition's number. */
const LONGEST_METADATA_KEY = 256;
const printableAscii = /^[ -~]+$/;

/** A key of a local metadata store. */
export function decodeMetadataKey(bytes: Uint8Array): LogKey | undefined {
  if (bytes.length > LONGEST_METADATA_KEY) return undefined;
  const name = ascii.decode(bytes);
  return printableAscii.test(name) ? { kind: 'metadata', name } : undefined;
}

/** `3_1`, as Restate writes it. */
export function logletText(loglet: bigint): string {
  return `${loglet >> 32n}_${loglet & 0xffff_ffffn}`;
}
