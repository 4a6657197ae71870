import {
  decodePebbleBlobFooter,
  decodePebbleBlobIndex,
  PEBBLE_BLOB_FOOTER,
} from '../../src/format/blob/pebble-blob.js';
import { readDataBlocks } from '../../src/format/sst/data-blocks.js';
import { openTable } from '../../src/format/sst/table.js';
import { openTitanBlobFile, titanRecordLength } from '../../src/format/titan/blob-file.js';
import { memorySource, openSource } from '../../src/io/source.js';
import type { Layout } from './mutate.js';

export const isTitanBlob = (file: string) => /(^|\/)titandb\/\d+\.blob$/.test(file);

const nothing = (): Layout => ({ records: [], blocks: [], blobRecords: [], footer: 'none' });

const LOG_BLOCK = 32768;

/** Physical records of a healthy log, by their headers. */
function recordsOf(log: Uint8Array): Layout['records'] {
  const view = new DataView(log.buffer, log.byteOffset, log.byteLength);
  const records: Layout['records'] = [];
  for (let at = 0; at + 7 <= log.length; ) {
    const left = LOG_BLOCK - (at % LOG_BLOCK);
    const length =
      (at + 7 > log.length ? 0 : view.getUint16(at + 4, true)) +
      ([5, 6, 7, 8, 11].includes(log[at + 6]) ? 11 : 7);
    if (left < 7 || log[at + 6] === 0) at += left;
    else if (length > left || at + length > log.length) break;
    else {
      records.push({ offset: at, length });
      at += length;
    }
  }
  return records;
}

function blobRecordsOf(blob: Uint8Array): Layout['blobRecords'] {
  const view = new DataView(blob.buffer, blob.byteOffset, blob.byteLength);
  const records: Layout['blobRecords'] = [];
  for (let at = 30; at + 32 < blob.length - 32; ) {
    const length = 32 + Number(view.getBigUint64(at, true) + view.getBigUint64(at + 8, true));
    records.push({ offset: at, length });
    at += length;
  }
  return records;
}

/** Records of a healthy blob file of Titan; one with a dictionary has meta blocks between them and the footer. */
async function titanRecordsOf(bytes: Uint8Array): Promise<Layout['blobRecords']> {
  const { start, end, blockSize } = await openTitanBlobFile(memorySource(bytes));
  const records: Layout['blobRecords'] = [];
  for (let at = start; at < end; ) {
    const length = titanRecordLength(bytes, at);
    records.push({ offset: at, length });
    at += length;
    if (blockSize > 0) at = Math.ceil(at / blockSize) * blockSize;
  }
  return records;
}

/** Blocks of a healthy blob file of Pebble; `undefined`: it is none. */
function valuesLayout(bytes: Uint8Array): Layout | undefined {
  const { footer } = decodePebbleBlobFooter(bytes.subarray(-PEBBLE_BLOB_FOOTER), bytes.length);
  if (footer === undefined) return undefined;
  const { offset, size } = footer.index;
  const index = decodePebbleBlobIndex(bytes.subarray(offset, offset + size), offset);
  return {
    ...nothing(),
    blocks: typeof index === 'string' ? [footer.index] : [...index.blocks, footer.index],
  };
}

async function tableLayout(bytes: Uint8Array): Promise<Layout> {
  const table = await openTable(await openSource({ kind: 'memory', bytes }));
  const blocks = table.blocks.map(({ handle }) => ({ offset: handle.offset, size: handle.size }));
  for await (const { handle } of readDataBlocks(table))
    blocks.push({ offset: handle.offset, size: handle.size });
  return { ...nothing(), blocks, footer: (table.footer?.formatVersion ?? 0) >= 6 ? 'table' : 'none' };
}

/** Where the checksums of a healthy file lie, by its name. A file of no kind, or that is not whole, has none. */
export async function layoutOf(file: string, bytes: Uint8Array): Promise<Layout> {
  if (/(^|\/)(\d+\.log|MANIFEST-\d+)$/.test(file)) return { ...nothing(), records: recordsOf(bytes) };
  if (/\.(sst|ldb)$/.test(file)) return tableLayout(bytes);
  if (isTitanBlob(file)) return { ...nothing(), blobRecords: await titanRecordsOf(bytes), footer: 'titan' };
  const values = /\.blob$/.test(file) ? valuesLayout(bytes) : undefined;
  if (values !== undefined) return values;
  if (/\.blob$/.test(file)) return { ...nothing(), blobRecords: blobRecordsOf(bytes), footer: 'blob' };
  return nothing();
}
