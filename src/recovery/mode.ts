import type { WalRecoveryMode } from '../format/database-options.js';

/** RocksDB's WALRecoveryMode, under the names that the command line uses. */
export type RecoveryMode = WalRecoveryMode;

/** From the strictest to the most lenient. */
export const recoveryModes: readonly RecoveryMode[] = [
  'absolute-consistency',
  'point-in-time',
  'tolerate-corrupted-tail',
  'skip-any-corrupted',
];
