import type { Finding } from '../../finding/finding.js';
import type { WalRecoveryMode } from '../../format/database-options.js';

/** What decides how much a finding about a WAL costs. */
interface WalCircumstances {
  /** Recovery reads the file. */
  live: boolean;
  /** No live WAL with records comes after it. */
  newest: boolean;
  mode: WalRecoveryMode;
  /** A backup or checkpoint: no process writes to it, so every file must be complete. */
  atRest: boolean;
  /** A running process holds the database: its newest WAL ends wherever the writer happens to be. */
  owned: boolean;
  /** A later segment of the same log of Pebble follows, which begins with what this one may lack. */
  goesOn: boolean;
}

/** Ends of files that a killed process leaves behind, as opposed to damage. */
const TAILS: ReadonlySet<string> = new Set(['wal/torn-tail']);

/**
 * The consequence of a finding about a WAL, for the database's own recovery mode. The end of the newest WAL of a killed
 * process holds nothing acknowledged; the same end on an older WAL, or in a copy that was made at rest, means that writes
 * are missing; damage where recovery does not look costs nothing.
 */
export function walSeverity(found: Finding, at: WalCircumstances): Finding {
  if (found.severity === 'note') return found;
  if (!at.live) return { ...found, severity: 'note' };
  // the disk stalled here: what was not written to its end is only the end of the file
  if (at.goesOn && found.rule.startsWith('wal/') && found.evidence.followingOffset === undefined)
    return { ...found, severity: 'note' };
  if (!TAILS.has(found.rule)) return found;
  if (at.owned && at.newest) return { ...found, severity: 'note' };
  const tolerated = at.newest && !at.atRest && at.mode !== 'absolute-consistency';
  return { ...found, severity: tolerated ? 'warning' : 'error' };
}
