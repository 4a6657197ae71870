import type { Finding, Range, Severity } from '../../finding/finding.js';
import { type FindingPlace, findingAt } from '../../finding/finding-at.js';

/** Ranges that a medium would not give back (`RetryingSource.unreadable`), one finding each. */
function checkUnreadable(place: FindingPlace, ranges: readonly Range[], severity: Severity): Finding[] {
  return ranges.map(({ offset, length }) =>
    findingAt(place, 'io/unreadable-range', {
      severity,
      offset,
      length,
      message: `${length} bytes cannot be read: the disk reports an input/output error`,
      evidence: { engine: `IO error: While pread offset ${offset} len ${length}: Input/output error` },
    }),
  );
}

/**
 * Replaces what was found inside ranges that could not be read by a finding for each of them: the rest of the file was
 * checked, and what seems to stand there means nothing.
 */
export function aroundUnreadable(
  place: FindingPlace,
  found: Finding[],
  ranges: readonly Range[],
  severity: Severity = 'error',
): Finding[] {
  if (ranges.length === 0) return found;
  const meaningful = found.filter(
    ({ offset, length = 0 }) =>
      offset === undefined ||
      !ranges.some(
        (range) =>
          offset + length >= range.offset && offset < range.offset + range.length + (length === 0 ? 1 : 0),
      ),
  );
  return [...meaningful, ...checkUnreadable(place, ranges, severity)];
}
