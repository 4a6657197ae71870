import type { Rule } from '../rule.js';

const restore =
  'Copy the directory first. Where a majority of the other peers of the regions that are hit is whole, tombstone these here ' +
  '(tikv-ctl --data-dir DIR tombstone -p PD -r REGION) and let the cluster make new ones, or rebuild the store; otherwise put the file back from a backup.';

const disk =
  'The file is written once: a bad sector, memory, a copy that went wrong, or a file system that lost a write.';

export const titanRules = {
  'titan/manifest': {
    severity: 'error',
    title: 'Titan’s CURRENT or MANIFEST is damaged',
    meaning:
      'In titandb/ a MANIFEST of Titan’s own says which blob files there are. TiKV does not start where it does not decode. Without a ' +
      'CURRENT Titan begins anew and knows none of the files.',
    origin: 'The disk, a copy that left the file out, or a full file system.',
    action: restore,
    references: ['tikv/titan src/blob_file_set.cc', 'tikv/titan src/version_edit.cc'],
  },
  'titan/missing-blob-file': {
    severity: 'error',
    title: 'Blob file of Titan is missing',
    meaning:
      'Titan’s MANIFEST names a file that is not in titandb/. TiKV starts, and reading a value that lies in the file fails ("Missing blob ' +
      'file" or an I/O error). Garbage collection that meets it fails, too.',
    origin:
      'A copy or a backup that left titandb/ out or is of two moments, or a file that was deleted by hand.',
    action: restore,
    references: ['tikv/titan src/blob_storage.cc'],
  },
  'titan/bad-blob-file': {
    severity: 'error',
    title: 'Blob file of Titan has a damaged header, footer or dictionary, or another size',
    meaning:
      'Titan checks header and footer when it first opens the file, so every read of a value in it fails. Where only these bytes are wrong, ' +
      'the values are whole. A size other than the MANIFEST’s means that bytes are missing or that it is another file.',
    origin: disk,
    action: restore,
    references: ['tikv/titan src/blob_format.h', 'tikv/titan src/blob_file_reader.cc'],
  },
  'titan/record': {
    severity: 'error',
    title: 'Value in a blob file of Titan is damaged',
    meaning:
      'The record does not match its checksum, or does not decompress to a key and a value. Reading it fails ("BlobRecord checksum ' +
      'mismatch"). A value that no table refers to any more is garbage; collecting that garbage fails.',
    origin: disk,
    action: restore,
    references: ['tikv/titan src/blob_format.cc', 'tikv/titan src/blob_gc_job.cc'],
  },
  'titan/dangling-reference': {
    severity: 'error',
    title: 'Table refers to a value that is not in Titan’s files',
    meaning:
      'The blob index of a key names a file that Titan does not have, a place outside it or between its values, or a size that the value ' +
      'has not. Reading the key fails. Only references that a reader follows count where the file is gone: garbage collection leaves older ' +
      'versions behind.',
    origin:
      'Tables and blob files of different moments: a copy, a backup, or a repair that restored one of them.',
    action: restore,
    references: ['tikv/titan src/blob_format.h', 'tikv/titan src/blob_gc_job.cc'],
  },
} as const satisfies Record<string, Rule>;
