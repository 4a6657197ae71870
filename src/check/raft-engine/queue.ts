/** What is wrong between the files of raft-engine. */
import type { Finding } from '../../finding/finding.js';
import { findingAt, HERE } from '../../finding/finding-at.js';
import type { BatchPlace, QueueFile } from '../../format/raft-engine/place.js';

/** Says which files the engine passes by, since a number after them is missing. */
export function checkPassed({
  passed,
  missing,
}: {
  passed: readonly QueueFile[];
  missing?: { from: bigint; to: bigint };
}): Finding[] {
  if (missing === undefined || passed.length === 0) return [];
  const { queue } = passed[0];
  const { from, to } = missing;
  const numbers = from === to ? `${from} is` : `${from} to ${to} are`;
  return [
    findingAt(HERE, 'raft-engine/passed-files', {
      message: `of the ${queue} queue ${numbers} not there, and raft-engine does not read what lies before`,
      evidence: { passed: passed.map(({ file }) => file).slice(0, FILES_SHOWN), files: passed.length },
    }),
  ];
}

const FILES_SHOWN = 20;

/** Says where the engine ends with a panic. */
export function checkPanic(
  region: bigint,
  { last, next, place }: { last: bigint; next: bigint; place: BatchPlace },
): Finding {
  return findingAt({ file: place.file }, 'raft-engine/log-hole', {
    ...(place.entries.length > 0
      ? place.entries
      : { offset: place.offset, length: place.entries.offset - place.offset }),
    message: `the log of region ${region} goes on at ${next} where ${last} is the last entry: ${next - last - 1n} missing`,
    evidence: {
      region: String(region),
      last: String(last),
      next: String(next),
      engine: `memtable ${region} has a hole`,
    },
  });
}
