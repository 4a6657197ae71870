import type { DatabaseOptions, WalRecoveryMode } from '../format/database-options.js';
import type { DialectName } from '../format/dialect.js';

/** LevelDB has no more than its option `paranoid_checks`. */
export type LevelDbMode = 'default' | 'paranoid';

/** RocksDB's WALRecoveryMode, under the names that the command line uses, or LevelDB's. */
export type RecoveryMode = WalRecoveryMode | LevelDbMode;

/** From the strictest to the most lenient. */
export const recoveryModes: readonly WalRecoveryMode[] = [
  'absolute-consistency',
  'point-in-time',
  'tolerate-corrupted-tail',
  'skip-any-corrupted',
];

export const levelDbModes: readonly LevelDbMode[] = ['paranoid', 'default'];

/** raft-engine's, of which it has one of its own name in common with RocksDB. */
export const raftRecoveryModes = [
  'absolute-consistency',
  'tolerate-tail-corruption',
  'tolerate-any-corruption',
] as const;
export type RaftRecoveryMode = (typeof raftRecoveryModes)[number];
/** The one that the engine has where its configuration says nothing. */
export const DEFAULT_RAFT_MODE: RaftRecoveryMode = 'tolerate-tail-corruption';

/** Pebble has one way to open. */
const pebbleModes: readonly LevelDbMode[] = ['default'];

/** The modes of an engine, from the strictest to the most lenient. */
export function modesOf(dialect: DialectName): readonly RecoveryMode[] {
  if (dialect === 'pebble') return pebbleModes;
  return dialect === 'leveldb' ? levelDbModes : recoveryModes;
}

/**
 * The mode that an engine is taken to open a database in. LevelDB does not record its options: most that use it leave
 * `paranoid_checks` off.
 */
export function ownMode({
  dialect,
  options,
}: {
  dialect: DialectName;
  options: DatabaseOptions;
}): RecoveryMode {
  return dialect === 'rocksdb' ? options.walRecoveryMode : 'default';
}
