/** Where damage to tables comes from, and what to do about it, in the words of several rules. */
export const disk =
  'A flipped bit or a bad sector, a lost or torn write at a power failure, bytes written by something else, or a copy of the ' +
  'file that went wrong.';

export const software =
  'Every checksum around it holds, so the bytes were wrong before they were written: a bug in the engine or in a program that ' +
  'writes tables, or memory that changed (test it, and see whether other tables of the same days have it too).';

export const restore =
  'Take the file from a backup, checkpoint or replica if the MANIFEST there names the same one. Without one, keep a copy of ' +
  'the directory before anything else is tried.';

export const report =
  'Rule out bad memory, then report it to those who maintain the engine, with its version and this report. Reads and ' +
  'compactions that touch the place may fail or give wrong results; a restored backup from before is the safe way out.';

export const checksumRefs = ['rocksdb table/format.cc', 'rocksdb table/block_fetcher.cc'];
