import type { Database } from '../engine/database.js';
import { commandOn } from '../engine/given-options.js';
import type { RecommendationReport, RecoveryReport, TargetReport } from '../report/report.js';

const REPLACE =
  'A region is whole on its other peers: where a majority of them is, it is safer to replace this store’s peers than to cut the log.';

/** What to try first with a raft log. `proven`: bytes are known that heal damage. */
export function raftAdvice(
  database: Database,
  modes: readonly RecoveryReport[],
  proven: boolean,
): RecommendationReport | undefined {
  const own = modes.find((mode) => mode.own) ?? modes[0];
  if (own.harmless) return undefined;
  if (proven)
    return {
      command: commandOn(database, 'repair --strategy heal --dry-run'),
      reason: 'Flipped bits are proven by the checksums: putting them back loses nothing.',
    };
  return {
    command: commandOn(database, 'repair --mode point-in-time --dry-run'),
    reason: `The plan names what a cut at the last consistent batch takes from each region. ${REPLACE}`,
  };
}

/** The same after a plan or a refusal, beside the way that was asked for. */
export function advisedRaftLog(target: TargetReport, database: Database, way: string): TargetReport {
  const { findings, recovery = [] } = target;
  if (recovery.length === 0 || !findings.some(({ severity }) => severity === 'error')) return target;
  const proven = findings.some(({ cause }) => cause?.restores === true);
  const other = raftAdvice(database, recovery, proven && way !== 'heal');
  const isOwn = other?.command === commandOn(database, `repair --mode ${way} --dry-run`);
  if (other === undefined || isOwn || way === 'auto')
    return { ...target, recommendation: { reason: REPLACE } };
  return { ...target, recommendation: other };
}
