import { hex32, hexWindow } from '../../bytes/hexdump.js';
import { type ByteSource, isFilled } from '../../bytes/source.js';
import { type BlockCompression, codecOf, decompressBlock, isUnsupported } from '../../codec/block.js';
import type { EvidenceValue } from '../../finding/evidence.js';
import type { Anomaly } from '../../finding/finding.js';
import {
  type BlockProtection,
  checksumName,
  contextModifier,
  type StoredBlock,
  verifyBlock,
} from './checksum.js';
import { type ColumnForm, layoutOf, rowsOfColumns } from './column-rows.js';
import { BLOCK_TRAILER, type BlockHandle, handleFits, nearestOffset } from './handle.js';

/**
 * Larger blocks are not read: 256 MiB, payload or decompressed. RocksDB's own bound is 4 GiB; a block that large holds one
 * value, and its size is more often a flipped bit.
 */
export const BLOCK_LIMIT = 256 * 1024 * 1024;

/** What a block holds, as findings name it. */
export type BlockKind =
  | 'data'
  | 'index'
  | 'index-partition'
  | 'metaindex'
  | 'properties'
  | 'compression-dictionary'
  | 'range-tombstones'
  | 'filter'
  | 'filter-partition'
  | 'filter-index'
  | 'block-filter'
  | 'hash-index-prefixes'
  | 'hash-index-metadata'
  | 'user-defined-index'
  | 'range-keys'
  | 'value-index'
  | 'value'
  | 'unknown';

/** Where blocks come from and how they are protected and compressed. */
export interface BlockSpace extends BlockProtection {
  source: ByteSource;
  /** No block reaches past it: where the footer begins, or the end of the file. */
  limit: number;
  compression: BlockCompression;
  /** The properties say that no block is compressed. The engine then takes payloads as they are and ignores the type byte. */
  uncompressed?: boolean;
  /** Blocks hold columns. */
  columns?: ColumnForm;
}

/** A block that was read. */
export interface LoadedBlock {
  kind: BlockKind;
  handle: BlockHandle;
  /** Absent when the file does not hold it. */
  stored?: StoredBlock;
  /** The decompressed block, also where the checksum fails and it decompresses all the same. */
  contents?: Uint8Array;
  /** The decompressed block where it holds columns; `contents` are then the rows that they stand for. */
  columnar?: Uint8Array;
  /** The contents are what was written: the block is intact, or only its checksum or its type byte is damaged. */
  sound: boolean;
  /** In file offsets: damage found on the way here. */
  anomalies: Anomaly[];
  /** Why `contents` is missing although nothing is wrong. */
  unsupported?: string;
}

/** What it takes to move a place inside a decompressed block into the file. */
interface BlockPlace {
  kind: BlockKind;
  handle: BlockHandle;
  stored?: { compression: number };
  /** What stands in the block are columns, not the rows that places are in. */
  columnar?: Uint8Array | true;
}

/** Offset and length of a block with its trailer, as findings give them. */
export function blockRange(handle: BlockHandle): { offset: number; length: number } {
  return { offset: handle.offset, length: handle.size + BLOCK_TRAILER };
}

/** Reads, verifies and decompresses one block. Rejects only when the medium fails. */
export async function loadBlock(
  space: BlockSpace,
  handle: BlockHandle,
  kind: BlockKind,
): Promise<LoadedBlock> {
  const { source, limit } = space;
  const block: LoadedBlock = { kind, handle, sound: false, anomalies: [] };
  if (!handleFits(handle, limit)) {
    const message = `the ${kind} block would lie at ${handle.offset}, ${handle.size} bytes, outside the file`;
    block.anomalies.push({
      rule: 'sst/bad-handle',
      offset: nearestOffset(handle, limit),
      length: 0,
      message,
      evidence: { block: kind },
    });
    return block;
  }
  if (handle.size > BLOCK_LIMIT) {
    block.unsupported = `a ${kind} block of ${handle.size} bytes is larger than kvdoctor reads`;
    return block;
  }
  const bytes = new Uint8Array(handle.size + BLOCK_TRAILER);
  const got = await source.read(bytes, handle.offset);
  if (got < bytes.length) {
    const message = `the file ends inside the ${kind} block`;
    const evidence = { block: kind };
    block.anomalies.push({ rule: 'sst/truncated', ...blockRange(handle), message, evidence });
    return block;
  }
  if (isFilled(source, handle.offset, bytes.length)) {
    block.anomalies.push(unreadAnomaly(handle, kind));
    return block;
  }
  block.stored = verifyBlock(space, bytes, handle);
  if (!block.stored.intact) block.anomalies.push(checksumAnomaly(space, block.stored, kind));
  decompressInto(space, block, block.stored);
  takeRows(space, block, block.stored);
  return block;
}

/** Puts the columns of a block into rows, where it has columns. */
function takeRows({ columns }: BlockSpace, block: LoadedBlock, { intact }: StoredBlock): void {
  const layout = layoutOf(block.kind, columns);
  if (layout === undefined || block.contents === undefined) return;
  block.columnar = block.contents;
  const { bytes, error } = rowsOfColumns(block.columnar, layout, columns!, BLOCK_LIMIT);
  block.contents = bytes;
  if (bytes !== undefined) return;
  if (error === '') block.unsupported = UNKNOWN_KEYS;
  else {
    block.sound = false;
    if (intact) block.anomalies.push(columnAnomaly(block.handle, block.kind, error));
  }
}

const UNKNOWN_KEYS = 'keys of a schema that is not known';

/** The finding for an intact block whose columns are not as they should be. */
export function columnAnomaly(handle: BlockHandle, kind: BlockKind, error: string): Anomaly {
  const message = `the columns of the ${kind} block do not decode: ${error}`;
  return { rule: 'sst/bad-block', ...blockRange(handle), message, evidence: { block: kind } };
}

/** Whether places in the contents of a block are places in the file. */
export function isAsStored({ stored, columnar }: Pick<BlockPlace, 'stored' | 'columnar'>): boolean {
  return stored?.compression === 0 && columnar === undefined;
}

function decompressInto(space: BlockSpace, block: LoadedBlock, stored: StoredBlock): void {
  const payload = stored.bytes.subarray(0, stored.handle.size);
  const type = stored.soundAs ?? stored.compression;
  block.sound = stored.soundAs !== undefined;
  if (type === 0) {
    block.contents = payload;
    return;
  }
  const codec = codecOf(type, space.compression.dialect);
  if (codec !== undefined && isUnsupported(codec)) {
    if (stored.intact) block.unsupported = `${codec} compression (type ${type})`;
    return;
  }
  const result = decompressBlock(type, payload, { limit: BLOCK_LIMIT, ...space.compression });
  if (result.bytes !== undefined) {
    block.contents = result.bytes;
    return;
  }
  block.sound = false;
  if (stored.intact) {
    if (space.uncompressed) block.contents = payload;
    block.anomalies.push({
      rule: 'sst/decompression',
      ...blockRange(block.handle),
      message: `the ${block.kind} block does not decompress: ${result.error}`,
      evidence: { block: block.kind, compression: codec ?? type },
    });
  }
}

/** The finding for a block that could not be read completely. Its checksum is not looked at, and it gives no entries. */
export function unreadAnomaly(handle: BlockHandle, kind: BlockKind): Anomaly {
  const message = `the ${kind} block cannot be read: the disk reports an input/output error`;
  return { rule: 'io/unreadable-range', ...blockRange(handle), message };
}

/** The finding for a block whose checksum fails, with both values and the bytes around the stored one. */
export function checksumAnomaly(space: BlockProtection, stored: StoredBlock, kind: BlockKind): Anomaly {
  const { handle, bytes } = stored;
  const mark = { offset: handle.offset + handle.size + 1, length: 4 };
  const context = contextModifier(space.baseContext, handle.offset);
  return {
    rule: 'sst/block-checksum',
    ...blockRange(handle),
    message: `the ${kind} block does not match its checksum`,
    evidence: {
      block: kind,
      checksum: checksumName(space.checksumType),
      stored: hex32(stored.stored),
      computed: hex32(stored.computed),
      ...(context === 0 ? {} : { context: hex32(context) }),
      blockOffset: handle.offset,
      blockSize: handle.size,
      compressionType: stored.compression,
      ...(isZeroed(bytes) ? { zeroed: true } : {}),
      ...soundness(stored),
      window: { hex: hexWindow(bytes, { base: handle.offset, marks: [mark], rows: 4 }) },
    },
  };
}

/** What would make the block match again, where it takes one bit outside the payload. */
function soundness({ compression, soundAs }: StoredBlock): Record<string, EvidenceValue> {
  if (soundAs === undefined) return {};
  return soundAs === compression ? { onlyChecksumDamaged: true } : { matchesWithCompressionType: soundAs };
}

function isZeroed(bytes: Uint8Array): boolean {
  for (let i = 0; i < bytes.length; i++) if (bytes[i] !== 0) return false;
  return true;
}

/**
 * Anomalies of one rule that touch, as one: a block overwritten with zeros has a broken entry every three bytes. Takes them
 * in the order of their offsets.
 */
function joinRuns(anomalies: readonly Anomaly[]): Anomaly[] {
  const joined: Anomaly[] = [];
  let count = 1;
  for (const anomaly of anomalies) {
    const last = joined.at(-1);
    if (last === undefined || last.rule !== anomaly.rule || anomaly.offset > last.offset + last.length) {
      joined.push({ ...anomaly });
      count = 1;
      continue;
    }
    last.length = Math.max(last.offset + last.length, anomaly.offset + anomaly.length) - last.offset;
    last.evidence = { ...last.evidence, times: ++count };
  }
  return joined;
}

/**
 * Anomalies of a decompressed block, moved into the file: exact where the block is stored as it is, the whole block where
 * it is compressed, with the place inside it as evidence, or holds columns.
 */
export function anomaliesInFile(block: BlockPlace, anomalies: readonly Anomaly[]): Anomaly[] {
  const { handle, kind } = block;
  const plain = isAsStored(block);
  const isInside = !plain && block.columnar === undefined;
  return joinRuns(anomalies).map((anomaly) => ({
    ...anomaly,
    ...(plain ? { offset: handle.offset + anomaly.offset, length: anomaly.length } : blockRange(handle)),
    evidence: {
      block: kind,
      blockOffset: handle.offset,
      ...(isInside && { offsetInBlock: anomaly.offset, lengthInBlock: anomaly.length }),
      ...anomaly.evidence,
    },
  }));
}
