import type { ByteSource } from '../bytes/source.js';
import { checkBlob } from './blob/blob.js';
import { checkPebbleBlob } from './blob/pebble-blob.js';
import { checkTable } from './sst/table.js';
import type { BlobContext, TableContext, UnitResult, WalContext } from './unit.js';
import { checkWal } from './wal/wal.js';

/** A file that is checked by itself, and what is known of it. */
export type CheckedFile =
  | { kind: 'table'; context: TableContext }
  | { kind: 'wal'; context: WalContext }
  | { kind: 'blob'; context: BlobContext };

/** Checks a table, a range of its blocks, a WAL or a blob file. Rejects only when the medium fails. */
export function checkFile(file: CheckedFile, source: ByteSource): Promise<UnitResult> {
  switch (file.kind) {
    case 'table':
      return checkTable(source, file.context);
    case 'wal':
      return checkWal(source, file.context);
    case 'blob':
      return file.context.dialect === 'pebble'
        ? checkPebbleBlob(source, file.context)
        : checkBlob(source, file.context);
  }
}
