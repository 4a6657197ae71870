import type { DialectName } from '../format/dialect.js';
import { decodeVersionEdit } from '../format/manifest/decode.js';
import type { NewFile, VersionEdit } from '../format/manifest/edit.js';
import { decodeSubcompactionProgress } from '../format/manifest/progress.js';
import { pebbleOwnTags, tags } from '../format/manifest/tags.js';
import type { Words } from './node.js';
import { asList, internalKeyWords } from './values.js';

/** Says each field of an edit in words, asked in the order in which they stand. */
export function fieldWords(edit: VersionEdit, dialect?: DialectName): (tag: number) => Words {
  const taken = new Map<number, number>();
  return (tag) => {
    const group = NEW_FILES.has(tag) ? tags.newFile : tag;
    const nth = taken.get(group) ?? 0;
    taken.set(group, nth + 1);
    return dialect === 'pebble' && PEBBLE_ALONE.has(group)
      ? pebbleWords(edit, group, nth)
      : wordsOf(edit, group, nth);
  };
}

const NEW_FILES: ReadonlySet<number> = new Set([
  tags.newFile2,
  tags.newFile3,
  tags.newFile4,
  pebbleOwnTags.newFile5,
]);

const PEBBLE_ALONE: ReadonlySet<number> = new Set(Object.values(pebbleOwnTags));

function pebbleWords(edit: VersionEdit, tag: number, nth: number): string {
  switch (tag) {
    case pebbleOwnTags.backing: {
      const { number, size } = edit.backings[nth];
      return `${number}, ${size} bytes`;
    }
    case pebbleOwnTags.removedBacking:
      return String(edit.removedBackings[nth]);
    case pebbleOwnTags.newBlobFile: {
      const { number, size } = edit.valueFiles[nth];
      return `${number}, ${size} bytes`;
    }
    case pebbleOwnTags.deletedBlobFile:
      return String(edit.removedValueFiles[nth].number);
    default:
      return '';
  }
}

function wordsOf(edit: VersionEdit, tag: number, nth: number): Words {
  switch (tag) {
    case tags.comparator:
      return edit.comparator ?? '';
    case tags.logNumber:
      return String(edit.logNumber);
    case tags.nextFileNumber:
      return String(edit.nextFileNumber);
    case tags.lastSequence:
      return String(edit.lastSequence);
    case tags.previousLogNumber:
      return String(edit.previousLogNumber);
    case tags.minLogNumberToKeep:
      return String(edit.minLogNumberToKeep);
    case tags.columnFamily:
      return String(edit.columnFamily);
    case tags.columnFamilyAdd:
      return edit.columnFamilyAdd ?? '';
    case tags.maxColumnFamily:
      return String(edit.maxColumnFamily);
    case tags.databaseId:
      return edit.databaseId ?? '';
    case tags.inAtomicGroup:
      return `${edit.remainingInGroup} more`;
    case tags.walDeletion:
    case tags.walDeletion2:
      return `below ${edit.walDeletion}`;
    case tags.persistUserDefinedTimestamps:
      return String(edit.timestampsPersisted);
    case tags.newFile:
      return newFileWords(edit.newFiles[nth]);
    case tags.deletedFile: {
      const { level: from, number: deleted } = edit.deletedFiles[nth];
      return `${deleted} from level ${from}`;
    }
    case tags.blobFileAddition: {
      const blob = edit.blobFileAdditions[nth];
      return blob === undefined ? '' : `${blob.number}, ${blob.totalCount} blobs, ${blob.totalBytes} bytes`;
    }
    case tags.blobFileGarbage: {
      const blob = edit.blobFileGarbages[nth];
      return blob === undefined
        ? ''
        : `${blob.number}, ${blob.garbageCount} blobs, ${blob.garbageBytes} bytes`;
    }
    case tags.walAddition:
    case tags.walAddition2: {
      const wal = edit.walAdditions[nth];
      return wal === undefined ? '' : `${wal.number}, ${wal.syncedSize ?? 'unknown'} bytes synced`;
    }
    case tags.subcompactionProgress:
      return progressWords(edit.subcompactionProgress);
    default:
      return '';
  }
}

/** How far a resumable compaction has come. */
function progressWords(bytes: Uint8Array = new Uint8Array(0)): string {
  const { inputRecords, outputLevel, proximalLevel, problem } = decodeSubcompactionProgress(bytes);
  const files = (outputLevel?.outputFiles.length ?? 0) + (proximalLevel?.outputFiles.length ?? 0);
  return `${inputRecords ?? 0n} input records, ${files} output files${problem === undefined ? '' : `; ${problem}`}`;
}

/** `14 on level 0, 2728 bytes, "a" @1 put … "z" @9 put`. */
export function newFileWords(
  file: Pick<NewFile, 'number' | 'level' | 'size' | 'smallest' | 'largest'> | undefined,
): Words {
  if (file === undefined) return '';
  const { number: own, level: on, size, smallest, largest } = file;
  const range = [...asList(internalKeyWords(smallest)), ' … ', ...asList(internalKeyWords(largest))];
  return [`${own} on level ${on}, ${size} bytes, `, ...range];
}

/** An edit on one line: what it adds, removes and sets. */
export function editSummary(bytes: Uint8Array, dialect?: DialectName): { text: string; problems: string[] } {
  const { edit, fields, anomalies } = decodeVersionEdit(bytes, dialect);
  const parts: string[] = [];
  const list = (word: string, numbers: readonly { number: bigint }[]) => {
    if (numbers.length === 0) return;
    const shown = numbers.slice(0, 4).map(({ number: own }) => own);
    parts.push(`${word} ${shown.join(', ')}${numbers.length > 4 ? ` and ${numbers.length - 4} more` : ''}`);
  };
  if (edit.columnFamilyAdd !== undefined) parts.push(`add column family ${edit.columnFamilyAdd}`);
  if (edit.columnFamilyDrop) parts.push('drop column family');
  list('add', edit.newFiles);
  list('delete', edit.deletedFiles);
  list('add backing', edit.backings);
  list('add blob file', edit.valueFiles);
  list('delete blob file', edit.removedValueFiles);
  list('add blob file', edit.blobFileAdditions);
  list('garbage in blob file', edit.blobFileGarbages);
  list('add WAL', edit.walAdditions);
  if (edit.walDeletion !== undefined) parts.push(`forget WALs below ${edit.walDeletion}`);
  if (edit.databaseId !== undefined) parts.push(`database ${edit.databaseId}`);
  if (edit.comparator !== undefined && edit.columnFamilyAdd === undefined) parts.push(edit.comparator);
  if (edit.logNumber !== undefined) parts.push(`log ${edit.logNumber}`);
  if (edit.lastSequence !== undefined) parts.push(`sequence ${edit.lastSequence}`);
  if (fields.some(({ tag }) => tag === tags.columnFamily)) parts.push(`cf ${edit.columnFamily}`);
  if (edit.remainingInGroup !== undefined) parts.push(`${edit.remainingInGroup} more in its group`);
  return {
    text: fields.length === 0 && anomalies.length === 0 ? 'empty' : parts.join(', '),
    problems: anomalies.map(({ message }) => message),
  };
}
