import type { RuleId } from '../finding/catalog.js';
import type { Cause, Finding } from '../finding/finding.js';

/** Something that an engine does wrong, and that looks like damage. */
interface Defect {
  rule: RuleId;
  detail: string;
  /** Upstream. */
  reference: string;
  certainty: Cause['certainty'];
  /** What else the finding must show. */
  fits?(finding: Finding): boolean;
}

/** Types of the records that say how long timestamps are. */
const TIMESTAMP_SIZES: ReadonlySet<unknown> = new Set([10, 11]);

const defects: readonly Defect[] = [
  {
    rule: 'wal/zero-gap-in-record',
    detail:
      'RocksDB leaves 7 to 10 zeros inside a record when it compresses a log into a recycled file, and then takes them for the end of the record: the file is healthy, its reader is not',
    reference: 'rocksdb db/log_writer.cc, db/log_reader.cc, seen up to 11.9',
    certainty: 'proven',
  },
  {
    rule: 'wal/number-too-large',
    detail:
      'recyclable records hold 32 bits of the log number and RocksDB compares them with all 64, so that every record looks like one of an older log',
    reference: 'rocksdb db/log_reader.cc, seen up to 11.9',
    certainty: 'proven',
  },
  {
    rule: 'wal/bad-length',
    detail:
      'RocksDB 8.4 to 9.2 writes the record of timestamp sizes without looking whether the block has room for it, and shifts all blocks after it',
    reference: 'facebook/rocksdb#12614',
    certainty: 'likely',
    fits: ({ evidence }) => TIMESTAMP_SIZES.has(evidence.type) && evidence.fittingLength === undefined,
  },
];

/** The cause of a finding that an engine's own defect explains. */
export function engineDefect(finding: Finding): Cause | undefined {
  const defect = defects.find(({ rule, fits }) => rule === finding.rule && (fits?.(finding) ?? true));
  if (defect === undefined) return undefined;
  const { detail, reference, certainty } = defect;
  return { kind: 'software', certainty, detail, basis: reference };
}
