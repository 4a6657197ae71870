import type { Finding, Range } from '../../finding/finding.js';
import { findingAt, type Place } from './place.js';

/** Ranges that a medium would not give back (`RetryingSource.unreadable`), one finding each. */
export function checkUnreadable(place: Place, ranges: readonly Range[]): Finding[] {
  return ranges.map(({ offset, length }) =>
    findingAt(place, 'io/unreadable-range', {
      offset,
      length,
      message: `${length} bytes cannot be read: the disk reports an input/output error`,
      evidence: { engine: `IO error: While pread offset ${offset} len ${length}: Input/output error` },
    }),
  );
}
