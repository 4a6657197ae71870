import type { RuleId } from '../finding/catalog.js';
import type { Cause, Finding } from '../finding/finding.js';
import { counted } from '../finding/quantity.js';
import { type CauseRule, cause, type FileContext } from './cause-rule.js';
import {
  boundary,
  cutBlob,
  cutTable,
  empty,
  missing,
  missingTable,
  shortWal,
  tornManifest,
  tornWal,
} from './cut.js';
import {
  afterPredecessor,
  betweenWals,
  foreignNumber,
  otherBlobFile,
  otherTable,
  outOfPlace,
  sequenceOverlap,
} from './displaced.js';
import { engineDefect } from './engine-defects.js';
import { flipText } from './flips.js';
import { changesIn } from './footer.js';

/** A checksum holds around content that contradicts itself or the rest. */
const wrongBeforeWritten =
  (what: string): CauseRule =>
  () =>
    cause(
      'software',
      'likely',
      `${what} was wrong before it was written: a program, or its memory, did it`,
      'the checksum around it holds, so the disk gave back what it was given',
    );

const sharedNumbers: CauseRule = () =>
  cause(
    'software',
    'possible',
    'writers that were not kept apart were given the same sequence numbers, or pieces of two logs stand in one file',
    'the checksums of both batches hold',
  );

const appended: CauseRule = ({ length = 0, evidence }) =>
  evidence.zeroes === true
    ? cause(
        'zeroed',
        'likely',
        `${counted(length, 'zero')} after the end: a size that was rounded up, or a copy of whole blocks`,
      )
    : cause(
        'garbage',
        'likely',
        `${counted(length, 'byte')} were appended: a copy that did not replace the file, or another writer`,
      );

const unprotected: CauseRule = () =>
  cause(
    'garbage',
    'possible',
    'bytes changed that no other checksum covers, or the checksum in the MANIFEST is of another file',
    'every part of the file matches its own checksum',
  );

const recycled: CauseRule = ({ evidence }) =>
  cause(
    'recycled',
    evidence.oldRecordOffset === undefined ? 'likely' : 'proven',
    'the file was used for an older log before; what that left has not been written over yet',
  );

const tellers: Partial<Record<RuleId, CauseRule>> = {
  'directory/missing-table': missingTable,
  'directory/missing-blob': missing,
  'directory/missing-manifest': missing,
  'directory/missing-wal': missing,
  'directory/removed-wal': missing,
  'directory/current-missing': missing,
  'directory/short-wal': shortWal,
  'directory/wrong-table-size': ({ length, offset = 0 }) =>
    length === 0
      ? cause('truncated', 'likely', `the file was cut ${boundary(offset)}`)
      : cause('garbage', 'likely', `${counted(length ?? 0, 'byte')} were appended to the table`),
  'directory/wrong-blob-size': ({ length, offset = 0 }) =>
    length === 0
      ? cause('truncated', 'likely', `the file was cut ${boundary(offset)}`)
      : cause('garbage', 'likely', `${counted(length ?? 0, 'byte')} were appended to the file`),
  'directory/options-line': ({ evidence }) => {
    const changes = changesIn(evidence.changes);
    if (changes.length !== 1) return undefined;
    return {
      ...cause(
        'bit-flip',
        'proven',
        flipText({ ...changes[0], field: 'content' }),
        'what stands before it is an option of Pebble, and the equals sign after that is one bit away',
      ),
      changes,
      restores: true,
    };
  },
  'directory/options-truncated': ({ offset = 0, length = 0 }) =>
    cause('truncated', 'likely', `the file was cut ${boundary(offset + length)}`),
  'sst/empty': empty,
  'wal/emptied': empty,
  'sst/truncated': cutTable,
  'blob/truncated': cutBlob,
  'wal/torn-tail': tornWal,
  'manifest/torn-tail': tornManifest,
  'manifest/open-atomic-group': tornManifest,
  'sequence/gap-between-wals': betweenWals,
  'sequence/overlap-between-wals': sequenceOverlap,
  'wal/wrong-log-number': foreignNumber,
  'sst/wrong-file': otherTable,
  'blob/wrong-file': otherBlobFile,
  'manifest/wrong-table-size': wrongBeforeWritten('the edit that adds the table'),
  'manifest/table-bounds': wrongBeforeWritten('the edit that adds the table'),
  'manifest/ignored-file': wrongBeforeWritten('the edit that adds the table'),
  'manifest/too-many-levels': wrongBeforeWritten('the edit that adds the table'),
  'manifest/overlapping-tables': wrongBeforeWritten('the version of the database'),
  'manifest/level-0-order': wrongBeforeWritten('the version of the database'),
  'manifest/blob-link': wrongBeforeWritten('the version of the database'),
  'manifest/malformed-edit': wrongBeforeWritten('the edit'),
  'manifest/unknown-tag': wrongBeforeWritten('the edit'),
  'manifest/unknown-record-type': wrongBeforeWritten('the record'),
  'manifest/atomic-group': wrongBeforeWritten('the group of edits'),
  'manifest/blob-file-state': wrongBeforeWritten('the edit'),
  'manifest/deleted-file-not-live': wrongBeforeWritten('the edit'),
  'manifest/file-added-twice': wrongBeforeWritten('the edit'),
  'manifest/duplicate-column-family': wrongBeforeWritten('the edit'),
  'manifest/wal-created-twice': wrongBeforeWritten('the edit'),
  'manifest/missing-fragment': outOfPlace,
  'manifest/incomplete': (finding, context) => (finding.length === 0 ? empty(finding, context) : undefined),
  'wal/unknown-record-type': wrongBeforeWritten('the record'),
  'wal/malformed-metadata': wrongBeforeWritten('the record'),
  'wal/decompression-failed': wrongBeforeWritten('the compressed record'),
  'wal/orphan-fragment': outOfPlace,
  'wal/unfinished-record': outOfPlace,
  'wal/mixed-headers': outOfPlace,
  'wal/misplaced-compression': outOfPlace,
  'sequence/overlap': sharedNumbers,
  'sequence/backwards': sharedNumbers,
  'wal/predecessor-mismatch': afterPredecessor,
  'sst/manifest-bounds': wrongBeforeWritten('the table, or what the MANIFEST says of it,'),
  'sst/manifest-sequences': wrongBeforeWritten('the table, or what the MANIFEST says of it,'),
  'sst/wrong-comparator': wrongBeforeWritten('the table, or what the MANIFEST says of it,'),
  'sst/file-checksum': unprotected,
  'sst/trailing-bytes': appended,
  'blob/file-checksum': unprotected,
  'blob/trailing-bytes': appended,
  'blob/decompression': wrongBeforeWritten('the value'),
  'blob/wrong-count': wrongBeforeWritten('the count, or the file after it,'),
  'directory/current-names-empty-manifest': () =>
    cause(
      'software',
      'likely',
      'a server that was told to create a missing database began a new one here while CURRENT was lost',
    ),
  'directory/identity-mismatch': () =>
    cause(
      'misplaced',
      'likely',
      'IDENTITY is that of another database: a mixed restore, or a copy that was given a new id',
    ),
  'wal/recycled-remains': recycled,
  'wal/stale-record': recycled,
  'wal/zero-fill': ({ length = 0 }) =>
    cause(
      'preallocated',
      'likely',
      `${length} bytes that were reserved and not used, or never reached the disk`,
    ),
  'manifest/zero-tail': ({ length = 0 }) =>
    cause(
      'preallocated',
      'likely',
      `${length} bytes that were reserved and not used, or never reached the disk`,
    ),
};

/** The cause of a finding about a whole file, or between files; of one that an engine's own defect explains, that defect. */
export function fileCause(finding: Finding, context: FileContext): Cause | undefined {
  return tellers[finding.rule]?.(finding, context) ?? engineDefect(finding);
}
