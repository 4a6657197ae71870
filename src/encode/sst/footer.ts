import { crc32c, maskCrc } from '../../bytes/crc32c.js';
import {
  type BlockProtection,
  blockChecksum,
  contextModifier,
  rawChecksum,
} from '../../format/sst/checksum.js';
import { TABLE_MAGIC } from '../../format/sst/footer.js';
import { BLOCK_TRAILER, type BlockHandle } from '../../format/sst/handle.js';
import { ByteBuilder } from '../byte-builder.js';

const EXTENDED_MAGIC = 0x007a003e;
const PROTECTED_FROM = 6;

/** How a table is written. */
export interface TableProtection extends BlockProtection {
  /** 0 to 7; of Pebble's own forms that lie apart, 1 to 5. */
  formatVersion: number;
  /** The footer of Pebble's own table formats. */
  pebbleFooter?: boolean;
}

/** True where the footer has a checksum of its own, and blocks are bound to their place. */
export function isProtected({ formatVersion, pebbleFooter }: TableProtection): boolean {
  return !pebbleFooter && formatVersion >= PROTECTED_FROM;
}

/** A handle as index and metaindex hold it. */
export function encodeHandle({ offset, size }: BlockHandle): Uint8Array {
  return new ByteBuilder().varint(BigInt(offset)).varint(BigInt(size)).finish();
}

/** The type byte and the checksum that stand after a payload at file offset `offset`. */
export function blockTrailer(
  protection: BlockProtection,
  payload: Uint8Array,
  compression: number,
  offset: number,
): Uint8Array {
  const covered = new Uint8Array(payload.length + 1);
  covered.set(payload);
  covered[payload.length] = compression;
  const trailer = new Uint8Array(BLOCK_TRAILER);
  trailer[0] = compression;
  const sum = blockChecksum(protection, covered, 0, payload.length, offset);
  new DataView(trailer.buffer).setUint32(1, sum, true);
  return trailer;
}

/** As `blockTrailer`, for a payload in parts, in a table whose checksums are CRC-32C. */
export function crcTrailer(
  { baseContext }: BlockProtection,
  parts: readonly Uint8Array[],
  compression: number,
  offset: number,
): Uint8Array {
  let crc = 0;
  for (const part of [...parts, Uint8Array.of(compression)]) crc = crc32c(part, 0, part.length, crc);
  const trailer = new Uint8Array(BLOCK_TRAILER);
  trailer[0] = compression;
  const sum = (maskCrc(crc) + contextModifier(baseContext, offset)) >>> 0;
  new DataView(trailer.buffer).setUint32(1, sum, true);
  return trailer;
}

/** The footer of a table (format/sst/footer.ts has its three drawings), to stand at file offset `offset`. */
export function encodeFooter(
  protection: TableProtection,
  offset: number,
  metaindex: BlockHandle,
  index: BlockHandle,
): Uint8Array {
  const { formatVersion, checksumType, baseContext } = protection;
  const legacy = formatVersion === 0;
  const form = protection.pebbleFooter ? 'pebble' : legacy ? 'legacy' : 'block-based';
  const magic = TABLE_MAGIC.find(({ format }) => format === form)!;
  const footer = new Uint8Array(magic.length);
  const view = new DataView(footer.buffer);
  view.setUint32(magic.length - 8, magic.low, true);
  view.setUint32(magic.length - 4, magic.high, true);
  if (!legacy) {
    footer[0] = checksumType;
    view.setUint32(magic.length - 12, formatVersion, true);
  }
  if (!isProtected(protection)) {
    const first = encodeHandle(metaindex);
    footer.set(first, legacy ? 0 : 1);
    footer.set(encodeHandle(index), (legacy ? 0 : 1) + first.length);
    return footer;
  }
  view.setUint32(1, EXTENDED_MAGIC, true);
  view.setUint32(9, baseContext, true);
  view.setUint32(13, metaindex.size, true);
  const sum = rawChecksum(checksumType, footer, 0, footer.length) + contextModifier(baseContext, offset);
  view.setUint32(5, sum, true);
  return footer;
}
