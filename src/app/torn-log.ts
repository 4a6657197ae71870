import type { Certainty } from '../finding/finding.js';
import {
  bornOut,
  contradicted,
  firstSeen,
  type Incident,
  type LogReading,
  type ScanResult,
  undecided,
  type Verified,
} from './log-knowledge.js';

/** The incident of a torn log. Its id is the same for every program. */
export const TORN_LOG = 'torn-tail';

/** What a program makes of it. */
interface TornLogTold {
  title: string;
  certainty: Certainty;
  /** Its recovery mode, where its version tells: follows what the log shows. */
  mode?: string;
  simulate: string;
}

/** A torn log that the recovery mode refuses. */
export function tornLog(
  log: LogReading,
  { title, certainty, mode = '', simulate }: TornLogTold,
): Incident | undefined {
  const sighting = firstSeen(log, [
    'wal-truncated-body',
    'wal-truncated-header',
    'wal-missing-last-fragment',
  ]);
  if (sighting === undefined) return undefined;
  const said = sighting.symptom.meaning.replace(/\.$/, '');
  const loops = sighting.count > 1 ? `, ${sighting.count} times` : '';
  return {
    id: TORN_LOG,
    title,
    certainty,
    basis: `line ${sighting.first.line}: ${said}${loops}${mode}`,
    detail:
      'The last record of the newest log was cut. Where the kill tore it, it was never acknowledged; where a copy or the disk cut it later, it may have been. Only absolute-consistency mode refuses such a log (Restate’s metadata server used it from 1.2.0 to 1.3.0). Restarting does not help. Look at what each mode would keep, then cut the log in a copy.',
    next: [simulate, 'kvdoctor repair --mode point-in-time --dry-run {dir}'],
    references: ['restatedev/restate#3154', 'restatedev/restate#3161', 'fedimint/fedimint#8614'],
  };
}

/** Only the strictest mode refuses, and no other mode loses a record. */
export function verifyTornLog({ recovery = [] }: ScanResult): Verified {
  const strict = recovery.find(({ mode }) => mode === 'absolute-consistency');
  const lenient = recovery.find(({ mode }) => mode === 'tolerate-corrupted-tail');
  if (strict === undefined || lenient === undefined)
    return undecided('what the recovery modes do cannot be told');
  if (strict.opens) return contradicted('every recovery mode opens it: the log was cut or replaced since');
  const { records = 0, damagedBytes = 0 } = lenient.lost;
  if (!lenient.opens || records > 0 || damagedBytes > 0)
    return contradicted(
      'more than the end of a log is damaged: do not cut it before you have seen what kvdoctor simulate says',
    );
  return bornOut(
    `only absolute-consistency refuses (${strict.error}); the other modes open it and lose no record, so the torn end is safe to cut`,
  );
}
