import type { Rule } from '../rule.js';

const lineEndings = {
  severity: 'error',
  meaning:
    'The file was taken for text: every LF in it became CR LF, or every CR LF an LF. Everything after the first of them stands ' +
    'in the wrong place, so the engine finds no footer, no record and no checksum that fits. With the line endings put back every ' +
    'checksum holds: nothing is lost.',
  origin:
    'A database checked into git and checked out with core.autocrlf or "* text" in .gitattributes, a transfer in text (ASCII) mode, ' +
    'an editor or a shell redirection on Windows.',
  action:
    'kvdoctor repair --strategy heal puts the line endings back. Then keep it from happening again: "* -text" or "binary" in ' +
    '.gitattributes, binary mode for the transfer.',
  references: ['git Documentation/gitattributes.txt'],
} as const satisfies Omit<Rule, 'title'>;

/** Damage that moves everything after it. */
export const movedRules = {
  'sst/shifted': {
    severity: 'error',
    title: 'Bytes were put into a table, or taken out of it',
    meaning:
      'The footer is at another offset than it states itself, and the blocks after the damage are valid at offsets shifted by as much. ' +
      'RocksDB reads the footer where the MANIFEST says that the table ends, and refuses with "Bad table magic number", ' +
      '"Corrupt or unsupported format_version" or "Sst file size mismatch".',
    origin:
      'A copy or a restore that wrote a part twice or left one out, a file system that lost or doubled an extent, a splice of two ' +
      'files.',
    action:
      'A run that was put in and whose place the checksums show is taken out by kvdoctor repair --strategy heal. Where bytes are ' +
      'missing, kvdoctor repair --strategy tables keeps every block that holds.',
    references: ['apache/bookkeeper#2563', 'rocksdb table/format.cc'],
  },
  'wal/shifted': {
    severity: 'error',
    title: 'Bytes were put into a WAL',
    meaning:
      'Up to one offset the records are where they should be, after it each is shifted by the same number of bytes. Without these bytes ' +
      'every checksum of the file holds. RocksDB finds no record after them, and gives up what follows, or refuses.',
    origin:
      'A copy or a restore that wrote a part twice, a file system that doubled an extent, a splice of two files.',
    action: 'kvdoctor repair --strategy heal takes the run out: nothing is lost.',
    references: ['rocksdb db/log_reader.cc'],
  },
  'sst/line-endings': { title: 'Line endings of a table were changed', ...lineEndings },
  'wal/line-endings': { title: 'Line endings of a WAL were changed', ...lineEndings },
  'blob/line-endings': { title: 'Line endings of a blob file were changed', ...lineEndings },
} as const satisfies Record<string, Rule>;
