import { append } from '../../bytes/append.js';
import { isFilled } from '../../bytes/source.js';
import { codecOf, isUnsupported } from '../../codec/block.js';
import type { Anomaly } from '../../finding/finding.js';
import { BlockReader } from './block.js';
import { verifyBlock } from './checksum.js';
import { dataContents } from './data-contents.js';
import { BLOCK_TRAILER, type BlockHandle, handleFits, nearestOffset } from './handle.js';
import { KEY_TRAILER } from './internal-key.js';
import { anomaliesInFile, BLOCK_LIMIT, blockRange, checksumAnomaly, unreadAnomaly } from './load.js';
import { globalSequenceOf } from './properties.js';
import { dataCompression, type Table } from './table.js';
import { SourceWindow } from './window.js';

/** One entry of a data block. */
interface TableEntry {
  /** User key, with its timestamp where the table holds timestamps. A copy. */
  key: Uint8Array;
  /** As stored, or the global sequence of an ingested table. */
  sequence: bigint;
  type: number;
  /** A view of the block. */
  value: Uint8Array;
  /** Offset in the decompressed block. */
  offset: number;
}

/** A data block that was read. Its memory is its own. */
interface DataBlock {
  /** Position in the index. */
  ordinal: number;
  handle: BlockHandle;
  /** Compression type as stored; 0 where it could not be read. */
  compression: number;
  /** It matches its checksum and decompresses. */
  intact: boolean;
  /** The decompressed block; where it is not intact, what can be had of it all the same. */
  contents?: Uint8Array;
  /** In file offsets. More may come to light while entries are read. */
  anomalies: Anomaly[];
  /** Why it cannot be decoded although nothing is wrong. */
  unsupported?: string;
  /** Its entries in order, up to the first that does not decode; for a damaged block only with `damagedToo`. */
  entries(damagedToo?: boolean): Generator<TableEntry>;
}

/**
 * The data blocks of a table in the order of its index. `largestSequence`: what the MANIFEST gives the file, which the entries of
 * an ingested table have. Memory is bounded by two blocks and a read buffer. Nothing is yielded when the table has no usable
 * index. Rejects only when the medium fails.
 */
export async function* readDataBlocks(table: Table, largestSequence?: bigint): AsyncGenerator<DataBlock> {
  const { index, space, properties } = table;
  if (index === undefined || space === undefined) return;
  const window = new SourceWindow(table.source, space.limit);
  const globalSequence = globalSequenceOf(properties, largestSequence);
  for (let ordinal = 0; ordinal < index.count; ordinal++)
    yield await readDataBlock(table, window, ordinal, globalSequence);
}

async function readDataBlock(
  table: Table,
  window: SourceWindow,
  ordinal: number,
  globalSequence: bigint | undefined,
): Promise<DataBlock> {
  const index = table.index!;
  const space = table.space!;
  const handle = { offset: index.offset(ordinal), size: index.size(ordinal) };
  const block: DataBlock = {
    ordinal,
    handle,
    compression: 0,
    intact: false,
    anomalies: [],
    entries: (damagedToo = false) => entriesOf(block, globalSequence, damagedToo),
  };
  if (!handleFits(handle, space.limit)) {
    const message = 'the index places a data block outside the file';
    block.anomalies.push({
      rule: 'sst/bad-handle',
      offset: nearestOffset(handle, space.limit),
      length: 0,
      message,
    });
    return block;
  }
  if (handle.size > BLOCK_LIMIT) {
    block.unsupported = `a data block of ${handle.size} bytes is larger than kvdoctor reads`;
    return block;
  }
  await window.ensure(handle.offset, handle.size + BLOCK_TRAILER);
  const bytes = window.view(handle.offset, handle.size + BLOCK_TRAILER);
  if (bytes === undefined) {
    const message = 'the file ends inside a data block';
    block.anomalies.push({ rule: 'sst/truncated', ...blockRange(handle), message });
    return block;
  }
  if (isFilled(table.source, handle.offset, bytes.length)) {
    block.anomalies.push(unreadAnomaly(handle, 'data'));
    return block;
  }
  const stored = verifyBlock(space, bytes.slice(), handle);
  if (!stored.intact) block.anomalies.push(checksumAnomaly(space, stored, 'data'));
  block.compression = stored.compression;
  const payload = stored.bytes.subarray(0, handle.size);
  const codec = codecOf(stored.compression, space.compression.dialect);
  if (codec !== undefined && isUnsupported(codec)) {
    if (stored.intact) block.unsupported = `${codec} compression (type ${stored.compression})`;
    return block;
  }
  const result = dataContents(stored.compression, payload, {
    limit: BLOCK_LIMIT,
    ...dataCompression(table),
  });
  block.contents = result.bytes;
  block.intact = stored.intact && result.bytes !== undefined;
  if (stored.intact && result.error !== undefined) {
    const message = `the data block does not decompress: ${result.error}`;
    block.anomalies.push({ rule: 'sst/decompression', ...blockRange(handle), message });
  }
  return block;
}

function* entriesOf(
  block: DataBlock,
  globalSequence: bigint | undefined,
  damagedToo: boolean,
): Generator<TableEntry> {
  const { contents } = block;
  if (contents === undefined || !(block.intact || damagedToo)) return;
  const reader = new BlockReader(contents);
  const view = new DataView(contents.buffer, contents.byteOffset, contents.byteLength);
  const trailer = new DataView(new ArrayBuffer(KEY_TRAILER));
  const trailerBytes = new Uint8Array(trailer.buffer);
  for (let entry = reader.next(); entry !== undefined; entry = reader.next()) {
    const split = entry.key.length - KEY_TRAILER;
    if (split < 0) {
      const { offset, length } = entry;
      const message = `an internal key of ${entry.key.length} bytes is too short`;
      reader.anomalies.push({ rule: 'sst/bad-key', offset, length, message });
      continue;
    }
    trailerBytes.set(entry.key.subarray(split));
    const { valueOffset, valueLength } = entry;
    yield {
      key: entry.key.slice(0, split),
      sequence: globalSequence ?? trailer.getBigUint64(0, true) >> 8n,
      type: trailerBytes[0],
      value: new Uint8Array(view.buffer, view.byteOffset + valueOffset, valueLength),
      offset: entry.offset,
    };
  }
  if (reader.anomalies.length === 0) return;
  const place = { kind: 'data', handle: block.handle, stored: block } as const;
  append(block.anomalies, anomaliesInFile(place, reader.anomalies));
}
