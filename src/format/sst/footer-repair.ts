import type { ByteSource } from '../../bytes/source.js';
import { blockChecksum, CHECKSUM, storedChecksum } from './checksum.js';
import { decodeFooter, type Footer, type TableMagic } from './footer.js';
import { BLOCK_TRAILER, type BlockHandle, handleFits } from './handle.js';

/** Larger blocks are not read to confirm a guess. */
const LARGEST_CONFIRMED = 64 * 1024 * 1024;
/** The magic number at the end is known without guessing. */
const MAGIC_LENGTH = 8;

/** A footer that is right but for one bit. */
interface FooterRepair {
  footer: Footer;
  /** File offset of the byte and the bit in it; absent where more than one bit would do. */
  change?: { offset: number; bit: number };
}

/**
 * Finds the one bit that makes a damaged footer whole: where the footer has a checksum, the bit with which it matches; else
 * the bit with which metaindex and index both stand where the footer says. `tail` ends in the footer and begins at file
 * offset `base`. Rejects only when the medium fails.
 */
export async function repairFooter(
  source: ByteSource,
  tail: Uint8Array,
  base: number,
  magic: TableMagic,
): Promise<FooterRepair | undefined> {
  const copy = new Uint8Array(tail);
  const decode = () => decodeFooter(copy, copy.length, base, magic);
  const asRead = decode().footer;
  let found: FooterRepair | undefined;
  for (let at = tail.length - magic.length; at < tail.length - MAGIC_LENGTH; at++) {
    for (let bit = 0; bit < 8; bit++) {
      copy[at] = tail[at] ^ (1 << bit);
      const { footer, anomalies, unsupported } = decode();
      if (footer === undefined || anomalies.length > 0 || unsupported !== undefined) continue;
      // padding: without a checksum over it nothing tells that it changed
      if (footer.baseContext === 0 && sameMeaning(footer, asRead)) continue;
      // without checksums any five zeros look like the trailer of a block
      if (footer.baseContext === 0 && footer.checksumType === CHECKSUM.none) continue;
      if (!(await confirms(source, footer))) continue;
      if (found !== undefined) return { footer: found.footer };
      found = { footer, change: { offset: base + at, bit } };
    }
    copy[at] = tail[at];
  }
  return found;
}

/** True when the footer's own checksum holds, or the blocks that it names are where it says. */
export async function confirms(source: ByteSource, footer: Footer): Promise<boolean> {
  const { metaindex, index } = footer;
  if (footer.baseContext !== 0 || metaindex === undefined || index === undefined) return true;
  return (await holdsBlock(source, footer, metaindex)) && (await holdsBlock(source, footer, index));
}

/** True when a block that matches its checksum stands at the handle. */
export async function holdsBlock(source: ByteSource, footer: Footer, handle: BlockHandle): Promise<boolean> {
  if (!handleFits(handle, footer.offset) || handle.size > LARGEST_CONFIRMED) return false;
  const bytes = new Uint8Array(handle.size + BLOCK_TRAILER);
  if ((await source.read(bytes, handle.offset)) < bytes.length) return false;
  return blockChecksum(footer, bytes, 0, handle.size, handle.offset) === storedChecksum(bytes, handle.size);
}

function sameMeaning(a: Footer, b: Footer | undefined): boolean {
  return (
    b !== undefined &&
    a.checksumType === b.checksumType &&
    a.formatVersion === b.formatVersion &&
    a.baseContext === b.baseContext &&
    sameHandle(a.metaindex, b.metaindex) &&
    sameHandle(a.index, b.index)
  );
}

function sameHandle(a: BlockHandle | undefined, b: BlockHandle | undefined): boolean {
  return a?.offset === b?.offset && a?.size === b?.size;
}
