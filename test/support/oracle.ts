import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { compiled, rocksdbMissing } from './compile.js';
import { inRepository } from './repository.js';

/** RocksDB's recovery modes as the oracle names them. */
export type OracleMode = 'absolute' | 'tolerate' | 'pit' | 'skip';

export interface OracleReport {
  /** `OK` or the engine's status text. */
  open: string;
  lastSeq?: number;
  /** By column family: visible entries, FNV-1a 64 over them, the iterator's status. */
  cfs?: Record<string, { n: number; fnv: string; iter: string }>;
}

const source = inRepository('..', 'shared', 'corpus', 'oracle.cc');

/** Why there is no oracle here, or undefined when there is one: Debian's RocksDB 7.8 asked through a small program. */
export function oracleMissing(): string | undefined {
  if (!fs.existsSync(source)) return 'the damage corpus with oracle.cc is not beside the repository';
  return rocksdbMissing();
}

/**
 * What RocksDB 7.8 sees when it opens `dir` in that mode. The directory is changed by it: hand in a copy.
 * `policy`: the transaction write policy (1 committed, 2 prepared, 3 unprepared) of a TransactionDB.
 */
export function askOracle(dir: string, mode: OracleMode, policy?: 1 | 2 | 3): OracleReport {
  const args = [dir, mode, ...(policy ? [`txn${policy}`] : [])];
  const { stdout, signal } = spawnSync(compiled(source), args, { encoding: 'utf8', timeout: 120_000 });
  const last = stdout.trim().split('\n').pop();
  if (!last) return { open: `the oracle died: ${signal}` };
  return JSON.parse(last);
}
