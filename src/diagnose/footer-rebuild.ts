import type { ByteSource } from '../bytes/source.js';
import { u32At } from '../bytes/u32.js';
import { putVarint32 } from '../encode/varint.js';
import { BlockReader } from '../format/sst/block.js';
import {
  type BlockProtection,
  CHECKSUM,
  rawChecksum,
  storedChecksum,
  verifyBlock,
} from '../format/sst/checksum.js';
import { decodeFooter, magicAt } from '../format/sst/footer.js';
import { BLOCK_TRAILER, type BlockHandle, handleFits } from '../format/sst/handle.js';
import { decodeMetaindex, type MetaBlock } from '../format/sst/metaindex.js';
import { decodeProperties, type TableProperties } from '../format/sst/properties.js';

/*
 * A footer says little that the rest of the table does not: the metaindex ends where the footer begins. From format version
 * 6 on, the base of the context checksums is what the metaindex's own checksum has over the plain one. Before that, the
 * index is the one block after the data that the metaindex does not name, and the version is in the properties since
 * RocksDB 10. So a footer that is gone altogether can be written again, and the blocks of the table say whether it is right.
 */

const FOOTER_LENGTH = 53;
const EXTENDED_MAGIC = [0x3e, 0x00, 0x7a, 0x00];
const MAGIC = [0xf7, 0xcf, 0xf4, 0x85, 0xb7, 0x41, 0xe2, 0x88];
/** The first version with context checksums, the only such one that releases before 10 wrote, and the last one. */
const CONTEXT_VERSION = 6;
const LAST_VERSION = 7;
/** Versions before it have another footer. */
const FIRST_VERSION = 1;
/** A metaindex names some ten blocks. Bytes. */
const LONGEST_METAINDEX = 64 * 1024;
/** Named blocks that must agree with what was worked out. */
const LARGEST_CONFIRMING = 16 << 20;

/**
 * The footer that the last 53 bytes of a table must have held; undefined where it does not follow: other format versions,
 * a damaged metaindex. Rejects only when the medium fails.
 */
export async function rebuildFooter(
  source: ByteSource,
): Promise<{ offset: number; bytes: Uint8Array } | undefined> {
  const offset = source.size - FOOTER_LENGTH;
  if (offset < BLOCK_TRAILER) return undefined;
  const base = Math.max(0, offset - LONGEST_METAINDEX);
  const before = new Uint8Array(offset - base);
  if ((await source.read(before, base)) < before.length) return undefined;
  for (const { start, blocks } of metaindexes(before)) {
    const end = before.length - BLOCK_TRAILER;
    const handle = { offset: base + start, size: end - start };
    const found = await confirmed(source, before.subarray(start), handle, blocks);
    if (found === undefined) continue;
    if (found.baseContext !== 0) return { offset, bytes: footerOf(found, handle.size, offset) };
    const index = await unnamedBlock(source, found, handle, blocks);
    if (index !== undefined) return { offset, bytes: footerWithHandles(found, handle, index) };
  }
  return undefined;
}

/** Places at which a metaindex may begin that ends, with its trailer, at the end of `bytes`: nearest first. */
function* metaindexes(bytes: Uint8Array): Generator<{ start: number; blocks: MetaBlock[] }> {
  const end = bytes.length - BLOCK_TRAILER;
  // a metaindex is never compressed and has a restart point for each entry
  if (end < 8 || bytes[end] !== 0) return;
  const count = u32At(bytes, end - 4);
  const entriesEnd = end - 4 - 4 * count;
  if (count === 0 || entriesEnd <= 0) return;
  const last = u32At(bytes, entriesEnd + 4 * (count - 1));
  for (let start = entriesEnd - 1 - last; start >= 0; start--) {
    if (bytes[start] !== 0 || bytes[start + last] !== 0) continue;
    const block = bytes.subarray(start, end);
    if (new BlockReader(block).tail === undefined) continue;
    const { blocks, anomalies } = decodeMetaindex(block);
    if (anomalies.length > 0 || blocks.length !== count) continue;
    if (blocks.some(({ kind }) => kind === 'properties')) yield { start, blocks };
  }
}

interface Protection extends BlockProtection {
  formatVersion: number;
  /** Where the data blocks end. */
  dataEnd: number;
}

/** The protection under which the metaindex and every small block that it names hold; undefined when it is absent. */
async function confirmed(
  source: ByteSource,
  metaindex: Uint8Array,
  { offset, size }: BlockHandle,
  blocks: readonly MetaBlock[],
): Promise<Protection | undefined> {
  const place = ((offset >>> 0) + Math.floor(offset / 0x1_0000_0000)) >>> 0;
  const stored = storedChecksum(metaindex, size);
  for (const checksumType of Object.values(CHECKSUM)) {
    const raw = rawChecksum(checksumType, metaindex, 0, size + 1);
    if (raw === stored && checksumType === CHECKSUM.none) return undefined;
    const baseContext = raw === stored ? 0 : ((stored - raw) ^ place) >>> 0;
    if (baseContext === 0 && raw !== stored) continue;
    const properties = await holdAll(source, { checksumType, baseContext }, blocks, offset);
    if (properties === undefined) continue;
    const stated = Number(properties.number('format.version') ?? 0n);
    // releases before 10 left 0 there, and had no version 7
    const formatVersion = stated === 0 && baseContext !== 0 ? CONTEXT_VERSION : stated;
    const fits = formatVersion >= CONTEXT_VERSION === (baseContext !== 0);
    if (!fits || formatVersion < FIRST_VERSION || formatVersion > LAST_VERSION) return undefined;
    const dataEnd = Number(properties.number('data.size') ?? 0n);
    return { checksumType, baseContext, formatVersion, dataEnd };
  }
  return undefined;
}

/** The block between the data and the metaindex that fills a gap between those that the metaindex names: the index. */
async function unnamedBlock(
  source: ByteSource,
  protection: Protection,
  metaindex: BlockHandle,
  blocks: readonly MetaBlock[],
): Promise<BlockHandle | undefined> {
  const gaps: BlockHandle[] = [];
  let end = protection.dataEnd;
  const handles = blocks.map(({ handle }) => handle).sort((a, b) => a.offset - b.offset);
  for (const { offset, size } of [...handles, metaindex]) {
    if (offset - end >= BLOCK_TRAILER) gaps.push({ offset: end, size: offset - end - BLOCK_TRAILER });
    end = offset + size + BLOCK_TRAILER;
  }
  const [index] = gaps;
  if (index === undefined || gaps.length > 1 || index.size > LARGEST_CONFIRMING) return undefined;
  const bytes = new Uint8Array(index.size + BLOCK_TRAILER);
  if ((await source.read(bytes, index.offset)) < bytes.length) return undefined;
  return verifyBlock(protection, bytes, index).intact ? index : undefined;
}

/** The properties, when these and every other block of bounded size match; at least two of them. */
async function holdAll(
  source: ByteSource,
  protection: BlockProtection,
  blocks: readonly MetaBlock[],
  limit: number,
): Promise<TableProperties | undefined> {
  let properties: TableProperties | undefined;
  let held = 0;
  for (const { handle, kind } of blocks) {
    if (!handleFits(handle, limit)) return undefined;
    if (handle.size > LARGEST_CONFIRMING) continue;
    const bytes = new Uint8Array(handle.size + BLOCK_TRAILER);
    if ((await source.read(bytes, handle.offset)) < bytes.length) return undefined;
    if (!verifyBlock(protection, bytes, handle).intact) return undefined;
    held++;
    if (kind === 'properties') properties = decodeProperties(bytes.subarray(0, handle.size)).properties;
  }
  return held >= 2 ? properties : undefined;
}

function footerOf(
  { checksumType, baseContext, formatVersion }: Protection,
  metaindexSize: number,
  offset: number,
): Uint8Array {
  const bytes = new Uint8Array(FOOTER_LENGTH);
  const view = new DataView(bytes.buffer);
  bytes[0] = checksumType;
  bytes.set(EXTENDED_MAGIC, 1);
  view.setUint32(9, baseContext, true);
  view.setUint32(13, metaindexSize, true);
  view.setUint32(41, formatVersion, true);
  bytes.set(MAGIC, 45);
  const magic = magicAt(bytes, FOOTER_LENGTH);
  const reading = magic && decodeFooter(bytes, FOOTER_LENGTH, offset, magic);
  const computed = reading?.anomalies[0]?.evidence?.computed;
  // reading it tells what the checksum should be: that of a field of zeros
  view.setUint32(5, Number(computed ?? 0), true);
  return bytes;
}

function footerWithHandles(
  { checksumType, formatVersion }: Protection,
  metaindex: BlockHandle,
  index: BlockHandle,
): Uint8Array {
  const bytes = new Uint8Array(FOOTER_LENGTH);
  bytes[0] = checksumType;
  let at = 1;
  for (const number of [metaindex.offset, metaindex.size, index.offset, index.size])
    at = putVarint32(bytes, at, number);
  new DataView(bytes.buffer).setUint32(41, formatVersion, true);
  bytes.set(MAGIC, 45);
  return bytes;
}
