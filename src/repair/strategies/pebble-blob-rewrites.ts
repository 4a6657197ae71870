/**
 * Blob files of values that Pebble has rewritten: a rewrite leaves out values that no table needs any more and keeps the file's id, by which
 * tables name it; the old file is deleted when an edit has said so (pebble blob_rewrite.go). Where that edit is lost the MANIFEST names a
 * file that is gone, and the one in its place is named by none. Nothing in it tells its id: every value that the tables have under the id does.
 */
import { encodeLogRecords } from '../../encode/log/writer.js';
import { encodeVersionEdit } from '../../encode/manifest/edit.js';
import { type Database, filesOf } from '../../engine/database.js';
import { decodeValues } from '../../format/blob/pebble-blob.js';
import { openPebbleBlob, readPebbleBlobFooter, wholeContents } from '../../format/blob/pebble-blob-file.js';
import { fileName, isCanonical } from '../../format/filename.js';
import { emptyEdit } from '../../format/manifest/edit.js';
import { numbersOfValueFiles, type ValueFile } from '../../format/manifest/version.js';
import { readDataBlocks } from '../../format/sst/data-blocks.js';
import { loadBlock } from '../../format/sst/load.js';
import { openTable } from '../../format/sst/table.js';
import {
  blobHandle,
  hasPrefix,
  hasValuePrefixes,
  isInBlobFile,
  OBSOLETE_BIT,
} from '../../format/sst/value-blocks.js';
import type { InventoryEntry } from '../../io/inventory.js';
import { inventoryFiles } from '../../lsm/inventory-files.js';
import { PebbleBlobValues } from '../../lsm/pebble-blob-values.js';
import { fileState } from '../content.js';
import { emptyPlan } from '../empty-plan.js';
import type { RepairPlan } from '../plan.js';
import { FreeNumbers } from './metadata-write.js';
import { wholeEdits } from './pebble-edits.js';

/** A file in the place of one that is gone. */
interface Rewritten {
  gone: ValueFile;
  entry: InventoryEntry;
  valueBytes: bigint;
}

/** Plans one edit more, which names rewritten blob files in the place of those that they were made of. `undefined`: there are none. */
export async function planBlobRewrites(database: Database): Promise<RepairPlan | undefined> {
  const { manifest, version, inventory, target } = database;
  if (manifest?.named !== true || !manifest.replay.complete || manifest.replay.error !== undefined)
    return undefined;
  const named = numbersOfValueFiles(version!);
  const blobs = inventory.entries.filter(
    (entry) => entry.kind === 'blob' && entry.place === 'database' && isCanonical(entry),
  );
  const here = new Set(blobs.map(({ number }) => number));
  const gone = [...version!.valueFiles.values()].filter(({ number }) => !here.has(number));
  const unnamed = blobs.filter(({ number }) => !named.has(number!));
  if (gone.length === 0 || unnamed.length === 0) return undefined;
  const fitting: Rewritten[] = [];
  for (const entry of unnamed) {
    const valueBytes = await bytesOfValues(database, entry);
    if (valueBytes === undefined) continue;
    for (const file of gone)
      if (entry.number! > file.number && (await holdsAllOf(database, file, entry.number!)))
        fitting.push({ gone: file, entry, valueBytes });
  }
  const isAlone = (one: Rewritten) =>
    fitting.every((other) => other === one || (other.gone !== one.gone && other.entry !== one.entry));
  const rewritten = fitting.filter(isAlone);
  if (rewritten.length === 0) return undefined;
  const edit = {
    ...emptyEdit(),
    valueFiles: rewritten.map(({ gone: { id, time }, entry: { number, size }, valueBytes }) => ({
      ...{ id, number: number!, size: BigInt(size), valueBytes, time, offset: 0, length: 0 },
    })),
    removedValueFiles: rewritten.map(({ gone: { id, number } }) => ({ id, number })),
    nextFileNumber: new FreeNumbers(database).next(),
  };
  const bytes = encodeLogRecords([...(await wholeEdits(database, manifest.entry)), encodeVersionEdit(edit)]);
  const list = rewritten
    .map(({ gone: { number }, entry: { file } }) => `${file} in the place of ${fileName('blob', number)}`)
    .join(', ');
  const inputs = [manifest.entry, ...rewritten.map(({ entry }) => entry)];
  return {
    ...emptyPlan(database, 'metadata'),
    inputs: await Promise.all(inputs.map(({ file: path }) => fileState(target, { path }))),
    steps: [
      {
        action: 'write',
        path: manifest.entry.file,
        why: 'a blob file that it names is gone, and one that it does not name has every value that the tables have in that',
        changes: [
          {
            kind: 'rewrite',
            offset: 0,
            length: manifest.entry.size,
            detail: `one edit more, which names ${list}`,
          },
        ],
        content: [{ from: 'plan', bytes }],
      },
    ],
  };
}

/** Bytes of all values of a blob file; `undefined` where something in it cannot be read. */
async function bytesOfValues(
  database: Database,
  { source: at }: InventoryEntry,
): Promise<bigint | undefined> {
  const source = await filesOf(database).open(at);
  try {
    const { footer } = await readPebbleBlobFooter(source);
    const opened = footer && (await openPebbleBlob(source, footer));
    if (opened?.index === undefined || typeof opened.index === 'string') return undefined;
    let sum = 0n;
    for (const handle of opened.index.blocks) {
      const contents = wholeContents(await loadBlock(opened.space, handle, 'value'));
      const values = contents === undefined ? 'damaged' : decodeValues(contents);
      if (typeof values === 'string') return undefined;
      sum += BigInt(values.bytes);
    }
    return sum;
  } finally {
    await source.close();
  }
}

/** Whether every value that live tables have under an id, of which there is one at least, stands in a file, in the length that they say. */
async function holdsAllOf(database: Database, { id }: ValueFile, number: bigint): Promise<boolean> {
  const files = inventoryFiles(database.inventory);
  const values = new PebbleBlobValues(files);
  let found = 0;
  try {
    for (const live of database.version!.columnFamilies.get(0)!.tables.values()) {
      const { blobReferences = [] } = live;
      if (!blobReferences.includes(id)) continue;
      const { name, open } = files.table(live);
      const source = await open();
      try {
        const table = await openTable(source, { dialect: 'pebble' });
        const columnar = table.space?.columns !== undefined;
        if (table.index === undefined || !hasValuePrefixes(table.footer)) return false;
        for await (const block of readDataBlocks(table)) {
          for (const { type, value } of block.entries()) {
            if (!hasPrefix(type & ~OBSOLETE_BIT, { columnar }) || value.length === 0) continue;
            const handle = isInBlobFile(value[0]) ? blobHandle(value, 0, value.length) : undefined;
            if (handle === undefined || blobReferences[handle.reference] !== id) continue;
            const listed = blobReferences.map((each) => (each === id ? number : undefined));
            if ('problem' in (await values.read(value, listed, name))) return false;
            found++;
          }
          if (block.anomalies.length > 0 || block.unsupported !== undefined) return false;
        }
      } finally {
        await source.close();
      }
    }
  } catch {
    return false;
  } finally {
    await values.close();
  }
  return found > 0;
}
