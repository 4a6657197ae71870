/**
 * How far a resumable compaction has come (tag 8202, since 10.8; rocksdb db/version_edit.cc `SubcompactionProgress`). It
 * stands in COMPACTION_PROGRESS files, not in MANIFESTs:
 *
 *   { id v32 | length v32 | value }… | 1
 *     2  next internal key     3  input records processed v64     4, 5  progress at the output and the proximal level:
 *        { id v32 | length v32 | value }… | 1
 *          2  n v32 | n × (length v32 | a table as with tag 103, level −1)     3  output records v64
 *
 * Unknown ids with 0x10000 may be skipped.
 */
import { Cursor } from '../../bytes/cursor.js';
import type { NewFile } from './edit.js';
import { toVarint64 } from './nested.js';
import { readNewFile } from './new-file.js';
import { tags } from './tags.js';

interface LevelProgress {
  outputFiles: NewFile[];
  outputRecords?: bigint;
}

interface SubcompactionProgress {
  nextKey?: Uint8Array;
  inputRecords?: bigint;
  outputLevel?: LevelProgress;
  proximalLevel?: LevelProgress;
  /** What could not be decoded, in words; what came before it is here. */
  problem?: string;
}

const IGNORABLE = 0x10000;

/** Calls `take` for every field; returns what is wrong, in words. */
function readFields(
  bytes: Uint8Array,
  take: (id: number, value: Uint8Array) => string | undefined,
): string | undefined {
  const cursor = new Cursor(bytes);
  for (;;) {
    const id = cursor.varint32();
    if (id === undefined) return 'the end is missing';
    if (id === 1) return undefined;
    const value = cursor.lengthPrefixed();
    if (value === undefined) return `field ${id} is cut`;
    const problem = take(id, value);
    if (problem !== undefined) return problem;
  }
}

function unknownField(id: number): string | undefined {
  return (id & IGNORABLE) !== 0 ? undefined : `field ${id} is not known`;
}

/** Decodes the payload of tag 8202. Never throws. */
export function decodeSubcompactionProgress(bytes: Uint8Array): SubcompactionProgress {
  const progress: SubcompactionProgress = {};
  const problem = readFields(new Uint8Array(bytes), (id, value) => {
    switch (id) {
      case 2:
        progress.nextKey = value.slice();
        return undefined;
      case 3:
        progress.inputRecords = toVarint64(value);
        return progress.inputRecords === undefined ? 'the number of input records is cut' : undefined;
      case 4:
      case 5: {
        const level: LevelProgress = { outputFiles: [] };
        if (id === 4) progress.outputLevel = level;
        else progress.proximalLevel = level;
        return readLevel(value, level);
      }
      default:
        return unknownField(id);
    }
  });
  if (problem !== undefined) progress.problem = problem;
  return progress;
}

function readLevel(bytes: Uint8Array, level: LevelProgress): string | undefined {
  return readFields(bytes, (id, value) => {
    if (id === 2) return readOutputFiles(value, level);
    if (id !== 3) return unknownField(id);
    level.outputRecords = toVarint64(value);
    return level.outputRecords === undefined ? 'the number of output records is cut' : undefined;
  });
}

function readOutputFiles(bytes: Uint8Array, level: LevelProgress): string | undefined {
  const cursor = new Cursor(bytes);
  const count = cursor.varint32();
  if (count === undefined) return 'the number of output files is cut';
  // each takes bytes, so that a wrong count ends with them
  for (let i = 0; i < count; i++) {
    const encoded = cursor.lengthPrefixed();
    if (encoded === undefined) return `output file ${i} of ${count} is cut`;
    const file = new Cursor(encoded);
    if (file.varint32() !== tags.newFile4) return `output file ${i} is no table`;
    const table = readNewFile(file, tags.newFile4, 0);
    if (typeof table === 'string') return table;
    level.outputFiles.push({ ...table, level: table.level | 0 });
  }
  return undefined;
}
