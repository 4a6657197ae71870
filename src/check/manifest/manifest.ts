import type { EvidenceValue } from '../../finding/evidence.js';
import type { Finding } from '../../finding/finding.js';
import { type FindingPlace, findingAt } from '../../finding/finding-at.js';
import type { ManifestReplay } from '../../format/manifest/replay.js';

/** What decides how much the end of a MANIFEST costs. */
interface ManifestCircumstances {
  /** Nobody was writing: a backup or checkpoint, so the file must be whole. */
  atRest: boolean;
  /** A running process holds the database and may be writing the last record. */
  owned: boolean;
  /**
   * What is named and not there: live files that are missing, column families that a WAL writes to and the MANIFEST does not
   * have. Any of it says that a lost edit had taken effect.
   */
  lost: readonly string[];
}

/** What reading a MANIFEST has shown: damage in it, and how it ends. */
export function checkManifest(
  place: FindingPlace,
  replay: ManifestReplay,
  circumstances: ManifestCircumstances,
): Finding[] {
  const findings = replay.anomalies.map(({ rule, offset, length, message, evidence = {} }) =>
    findingAt(place, rule, { offset, length, message, evidence }),
  );
  return [
    ...findings,
    ...checkTail(place, replay, circumstances),
    ...checkOpenGroup(place, replay, circumstances),
  ];
}

function consequence(
  { atRest, owned, lost }: ManifestCircumstances,
  otherwise: 'warning' | 'note',
): Pick<Finding, 'severity'> {
  if (lost.length > 0) return { severity: 'error' };
  if (owned) return { severity: 'note' };
  return { severity: atRest ? 'error' : otherwise };
}

function lostEvidence(lost: readonly string[]): Record<string, EvidenceValue> {
  return lost.length === 0 ? {} : { lost: lost.slice(0, 20), lostCount: lost.length };
}

function because({ lost, atRest, owned }: ManifestCircumstances): string {
  if (lost.length > 0) {
    const more = lost.length > 3 ? ` and ${lost.length - 3} more` : '';
    return `; what it lost had taken effect: ${lost.slice(0, 3).join(', ')}${more} ${lost.length === 1 ? 'is' : 'are'} not there`;
  }
  if (owned) return '; its owner may be writing it';
  return atRest ? '; nobody was writing to this copy, so it was whole once' : '';
}

function checkTail(
  place: FindingPlace,
  { dialect, tail, logicalEnd }: ManifestReplay,
  circumstances: ManifestCircumstances,
): Finding[] {
  const { state, offset, length, detail } = tail;
  if (state === 'clean') return [];
  const evidence = {
    tail: state,
    ignored: length,
    logicalEnd,
    ...lostEvidence(circumstances.lost),
  };
  const message = `${detail}${because(circumstances)}`;
  if (state === 'zero-fill') {
    // preallocated space looks the same, so that a copy at rest may well have it; LevelDB and Pebble do not preallocate
    const otherwise = dialect === 'rocksdb' ? 'note' : 'warning';
    const severity = circumstances.lost.length > 0 ? 'error' : otherwise;
    return [findingAt(place, 'manifest/zero-tail', { severity, offset, length, message, evidence })];
  }
  return [
    findingAt(place, 'manifest/torn-tail', {
      ...consequence(circumstances, 'warning'),
      offset,
      length,
      message,
      evidence,
    }),
  ];
}

function checkOpenGroup(
  place: FindingPlace,
  { openGroup, tail }: ManifestReplay,
  circumstances: ManifestCircumstances,
): Finding[] {
  if (openGroup === undefined) return [];
  const { offset, length, edits } = openGroup;
  return [
    findingAt(place, 'manifest/open-atomic-group', {
      ...consequence(circumstances, 'warning'),
      offset,
      length,
      message: `${edits} edits of an atomic group stand at the end without the rest${
        tail.state === 'torn' ? ', which is torn' : ''
      }${because(circumstances)}`,
      evidence: { edits, ...lostEvidence(circumstances.lost) },
    }),
  ];
}
