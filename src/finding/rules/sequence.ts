import type { Rule } from '../rule.js';

const countingIsNot =
  'Sequence numbers are taken in the order in which the log is written, and never twice. Holes, in contrast, are legal: ' +
  'writes without a log, ingested files, failed writes and transactions leave them.';

export const sequenceRules = {
  'sequence/backwards': {
    severity: 'error',
    title: 'Sequence number goes backwards in a log',
    meaning:
      `${countingIsNot} RocksDB since 10.1 refuses to open in every recovery mode ("Sequence number is being set backwards"); ` +
      'older versions replay the records and let older data win over newer.',
    origin:
      'Blocks or files of another log, or of another database, in this place: a mixed-up copy, a lost or misdirected write; ' +
      'or a fault of the program.',
    action:
      'Compare the log with the ones before and after it, and with a backup: kvdoctor inspect shows the records on either side.',
    references: ['rocksdb db/db_impl/db_impl_open.cc'],
  },
  'sequence/overlap': {
    severity: 'warning',
    title: 'Two batches of a log claim the same sequence number',
    meaning:
      `${countingIsNot} Recovery accepts two operations with one number, unless they are on the same key: ` +
      'then it fails with "two consecutive TryAgain" or loses one. Replicas that count by sequence number disagree from here on.',
    origin:
      'A batch that grew after its sequence numbers were given out, because two threads used it, or records of another log ' +
      'in this place.',
    action: 'kvdoctor inspect shows both batches.',
    references: ['rocksdb db/write_batch.cc', 'apache/kvrocks#2766'],
  },
  'sequence/gap': {
    severity: 'note',
    title: 'Sequence numbers are missing in a log',
    meaning:
      'Between two whole records the sequence number jumps by more than the first one holds. The log is whole; these ' +
      'numbers were given to writes that are not in this log, or to none.',
    origin:
      'Writes with the log turned off, ingested files, failed writes; or records that vanished without a trace, as whole ' +
      'blocks can.',
    action: 'Nothing, if the application ingests files or writes without the log.',
    references: ['rocksdb db/db_impl/db_impl_write.cc'],
  },
} as const satisfies Record<`sequence/${string}`, Rule>;
