import type { Predecessor } from '../format/log/metadata.js';
import type { ReplayBehaviour } from './behaviour.js';

/** What `track_and_verify_wals` holds a predecessor record against. */
export interface PredecessorCheck {
  /** The WAL that replay read last. Absent for the first one. */
  observed?: Predecessor;
  /** WALs below are not needed, so that their absence is no loss. */
  cutoff: bigint;
  /** Name of the file that holds the record, for the text. */
  file: string;
}

/** Why a recorded predecessor is not the one that was read, in the engine's words; `undefined`: it is. */
export function predecessorMismatch(
  recorded: Predecessor,
  { observed, cutoff, file }: PredecessorCheck,
  behaviour: ReplayBehaviour,
): string | undefined {
  const missing = `Missing WAL of log number ${recorded.number}`;
  if (observed === undefined) return recorded.number >= cutoff ? missing : undefined;
  if (observed.number !== recorded.number) {
    if (!behaviour.namesMismatchedPredecessor) return missing;
    return `Mismatched predecessor log number of WAL file ${file} Recorded ${recorded.number}. Observed ${observed.number}`;
  }
  if (observed.lastSequence !== recorded.lastSequence) {
    return (
      `Mismatched last sequence number recorded in the WAL of log number ${recorded.number}. ` +
      `Recorded ${recorded.lastSequence}. Observed ${observed.lastSequence}. ` +
      '(Last sequence number equal to 0 indicates no WAL records)'
    );
  }
  if (observed.size !== recorded.size) {
    return (
      `Mismatched size of the WAL of log number ${recorded.number}. ` +
      `Recorded ${recorded.size} bytes. Observed ${observed.size} bytes.`
    );
  }
  return undefined;
}
