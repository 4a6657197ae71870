import { type AbsentPlace, absentReason, absentText, optionFor } from '../../engine/absent-places.js';
import type { Database } from '../../engine/database.js';
import type { Finding } from '../../finding/finding.js';
import { findingAt } from '../../finding/finding-at.js';
import { shellWord } from '../../finding/shell-word.js';
import { fileName } from '../../format/filename.js';
import type { Unchecked } from '../unit.js';

/** wal_dir and db_paths that the database names and that are not here. What lies in them is not known, good or bad. */
export function checkPlaces({ absent, target }: Database): { findings: Finding[]; unchecked: Unchecked[] } {
  return {
    findings: absent.map((place) => notHere(place, target)),
    unchecked: absent
      .filter(({ option }) => option === 'wal_dir')
      .map((place) => ({ file: place.namedBy, reason: absentReason(place, target) })),
  };
}

function notHere(place: AbsentPlace, target: string): Finding {
  const { option, directory, namedBy, reason, tables, candidates } = place;
  const rule = option === 'wal_dir' ? 'directory/wal-dir-not-here' : 'directory/db-path-not-here';
  const flag = option === 'wal_dir' ? '--wal-dir' : '--db-path';
  const nearby = candidates.length === 0 ? '' : `. What lies in ${candidates.join(', ')} fits`;
  return findingAt({ file: namedBy }, rule, {
    message: `${absentText(place)}. ${flag} says where it is${nearby}`,
    evidence: {
      option,
      ...(directory !== undefined && { named: directory }),
      reason,
      ...(tables.length > 0 && {
        tables: tables
          .slice(0, 20)
          .map(({ number }) => fileName('table', number))
          .join(', '),
      }),
      ...(candidates.length > 0 && { nearby: candidates.join(', ') }),
    },
    ...(candidates.length > 0 && { next: `kvdoctor scan ${optionFor(place, target)} ${shellWord(target)}` }),
  });
}
