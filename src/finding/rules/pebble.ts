import type { Rule } from '../rule.js';

const notOpened = 'Do not open it: copy the directory first, and read from the copy alone.';

/** What only Pebble's directories and files have. */
export const pebbleRules = {
  'directory/marker-missing': {
    severity: 'error',
    title: 'Nothing names the MANIFEST of a Pebble directory',
    meaning:
      'Pebble takes the directory for a new one: it writes MANIFEST-000001 anew, deletes every table that it does not name, ' +
      'and reports no error. A WAL in the directory makes the first open crash; the second one does the same. Read-only it ' +
      'says "database does not exist" and touches nothing.',
    origin:
      'The markers are empty files, and CURRENT is a small one: a copy, an archive or a sync that leaves out files of no bytes, ' +
      'or a file system that lost a rename.',
    action: `${notOpened} The marker or CURRENT is put back by its name and one line: the newest MANIFEST that is whole.`,
    references: ['pebble open.go', 'pebble vfs/atomicfs/marker.go'],
  },
  'directory/marker-malformed': {
    severity: 'error',
    title: 'A marker of Pebble has a name or value that cannot be read',
    meaning:
      'Markers are empty files: marker.NAME.ITERATION.VALUE. Pebble refuses to open a directory in which one of them does not ' +
      'parse ("invalid marker filename", "parsing format major version", "MANIFEST name … is malformed").',
    origin: 'A file that was renamed or made by hand, or a backup tool that adds an ending to names.',
    action:
      'Give the file its name back, or move it away if another marker of the same name has a higher iteration.',
    references: ['pebble vfs/atomicfs/marker.go', 'pebble open.go'],
  },
  'directory/marker-dangling': {
    severity: 'error',
    title: 'The marker names a MANIFEST that is not there',
    meaning:
      'Pebble refuses to open: "could not open manifest file". Without the file nothing says which tables are live.',
    origin:
      'A copy that missed the file, a deletion by hand, or a power failure with releases that moved the marker before the ' +
      'directory was synced.',
    action:
      'Look for the MANIFEST in backups and lost+found. An older one is right only if all tables that it names still exist.',
    references: ['pebble version_set.go'],
  },
  'directory/obsolete-marker': {
    severity: 'warning',
    title: 'Two markers of one name',
    meaning: 'The one with the higher iteration counts; Pebble removes the other when it opens.',
    origin: 'The process ended while it moved a marker, or two directories were copied into one.',
    action: 'None, if what the higher one names is there. Otherwise the lower one names the older state.',
    references: ['pebble vfs/atomicfs/marker.go'],
  },
  'directory/format-version': {
    severity: 'error',
    title: 'The format version of a Pebble directory does not match its files',
    meaning:
      'The marker alone says which format version a directory has. Pebble refuses one that it does not know, and releases from ' +
      '2.0 on refuse one below 13; with one that is too low it reads files in forms that they do not have.',
    origin: 'A marker that was lost, made by hand or taken from another directory.',
    action:
      'OPTIONS says what the format version was at the last open. Put the marker back with that value; never raise it by hand.',
    references: ['pebble format_major_version.go'],
  },
  'directory/options-line': {
    severity: 'error',
    title: 'A line of OPTIONS cannot be read',
    meaning:
      'Pebble refuses to open when a line of its newest OPTIONS file is neither a section nor has an equals sign: "invalid ' +
      'key=value syntax". It opens when the file is removed.',
    origin: 'A torn write, a damaged page, or an edit by hand.',
    action: 'Move the file away, or take the line out. Pebble writes a new one when it opens.',
    references: ['pebble options.go'],
  },
  'directory/options-merger': {
    severity: 'error',
    title: 'OPTIONS names another merger than the data needs',
    meaning:
      'Pebble compares comparer and merger with those that it is opened with and refuses where they differ: "merger name from ' +
      'file … != merger name from options …".',
    origin: 'OPTIONS of another database or version of the application, or an edit by hand.',
    action: 'Put the OPTIONS file of this database back, or move the wrong one away.',
    references: ['pebble options.go'],
  },
  'manifest/missing-backing': {
    severity: 'error',
    title: 'A virtual table has no backing in the MANIFEST',
    meaning:
      'A virtual table is a part of a file that an edit before it, or its own, must have named. Pebble refuses to open: ' +
      '"TableBacking for virtual sstable must not be nil". Releases before 2.0 panic as well where an edit removes a backing that ' +
      'none has named: "trying to remove an unknown file backing".',
    origin: 'An edit that is lost or damaged.',
    action:
      'The file may still be in the directory under its number. Do not open it: what the MANIFEST does not name is deleted.',
    references: ['pebble internal/manifest/version_edit.go'],
  },
  'wal/false-end': {
    severity: 'error',
    title: 'A log of Pebble ends before its records do',
    meaning:
      'Where a record should begin stands the number of the next log, with which Pebble marks the end of a log that was closed. ' +
      'It reads no further and says nothing: the record and all after it are lost in silence.',
    origin:
      'A bit of the log number that changed: no checksum is looked at before the number is. Or two logs that were put together.',
    action: 'Copy the directory first. kvdoctor simulate shows what would be lost.',
    references: ['pebble record/record.go'],
  },
  'wal/no-end-mark': {
    severity: 'warning',
    title: 'An older log of Pebble was not closed',
    meaning:
      'Pebble marks the end of a log before it begins the next one, so records may be missing at the end of this one. Where ' +
      'something else stands instead of the mark, releases from 2.0 on, and 1.x with strict_wal_tail=true, refuse to open: ' +
      '"invalid chunk".',
    origin:
      'A crash between two logs with releases before cockroachdb/pebble#1212, a copy of a running database, a log that was cut, ' +
      'or a damaged mark.',
    action:
      'Compare the last sequence number of the log with the first of the next one: where nothing is missing between them, ' +
      'nothing is lost.',
    references: ['pebble record/record.go', 'pebble wal/reader.go'],
  },
  'wal/duplicate-segment': {
    severity: 'error',
    title: 'A log of Pebble is here twice',
    meaning:
      'Where a disk stalls, a log goes on in a second directory, in files N-001.log, N-002.log and so on. Two files of one number ' +
      'and one place in that order are here. Releases from 2.0 on refuse to open: "wal: duplicate logIndex".',
    origin:
      'Logs of one of the two directories that were copied into the other, or put back twice from a backup.',
    action:
      'kvdoctor repair --strategy auto removes one that adds nothing to the other, or that does not go on from the segment before it. ' +
      'Where it refuses, compare the two, keep the right one, and move the other out of both directories.',
    references: ['pebble wal/reader.go'],
  },
  'blob/value-order': {
    severity: 'error',
    title: 'Keys of a table of Pebble have their values in another order',
    meaning:
      'Pebble writes the values of a blob file in the order of their keys, compactions keep both, and a file that is written anew ' +
      'keeps the numbers of its values: a table names the values of one file in ascending order. Here two keys do not, so that one of ' +
      'them has the value of another key. Reads give it without an error, where its length is the one that the table says.',
    origin: 'Memory that changed before the checksum of the block was computed, or a defect of the writer.',
    action: 'Take the table from a backup or a checkpoint (repair --from), or write these keys again.',
    references: ['pebble sstable/blob/blob.go', 'pebble value_separation.go', 'pebble blob_rewrite.go'],
  },
  'sst/bad-range-key': {
    severity: 'error',
    title: 'A range key cannot be read',
    meaning:
      'Its range, suffixes or values do not decode, or it is out of order. Reads of range keys fail or lack it.',
    origin: 'Memory that changed before the checksum was computed, or a defect of the writer.',
    action: 'Take the table from a backup, or compact after the range keys have been written again.',
    references: ['pebble internal/rangekey'],
  },
  'sst/bad-value-index': {
    severity: 'error',
    title: 'The index of the values that stand apart is wrong',
    meaning:
      'Values of older versions of keys stand in blocks of their own; without their index they cannot be found.',
    origin: 'Memory that changed before the checksum was computed, or a defect of the writer.',
    action:
      'Take the table from a backup. Newest versions of keys mostly stand with the key and can be read.',
    references: ['pebble sstable/valblk'],
  },
} satisfies Record<string, Rule>;
