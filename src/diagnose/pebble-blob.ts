import { crc32c, maskCrc, unmaskCrc } from '../bytes/crc32c.js';
import type { ByteSource } from '../bytes/source.js';
import { u32At } from '../bytes/u32.js';
import { decompressBlock } from '../codec/block.js';
import type { Cause, Finding } from '../finding/finding.js';
import {
  decodePebbleBlobFooter,
  decodePebbleBlobIndex,
  decodeValues,
  type PebbleBlobFooter,
} from '../format/blob/pebble-blob.js';
import { readPebbleBlobFooter } from '../format/blob/pebble-blob-file.js';
import { BLOCK_TRAILER } from '../format/sst/handle.js';
import { checksumFlip, searchBlock } from './block-flips.js';
import { bitsWithSyndrome } from './crc32c-syndrome.js';
import { flipBits } from './flipped-source.js';
import { type FlipSearch, flipText, isConclusive } from './flips.js';
import { NO_PATTERN, patternOf } from './pattern.js';

/** Longer blocks are not walked. Bytes. */
const LONGEST = 64 << 20;
/** Bytes of the CRC that a footer begins with. */
const CRC = 4;

/** Finds causes for what a check has found in one blob file of Pebble. */
export class PebbleBlobDiagnosis {
  constructor(private readonly source: ByteSource) {}

  /** Sets the cause of a finding, where the bytes tell. */
  async diagnose(finding: Finding): Promise<void> {
    const { rule, offset, length } = finding;
    if (offset === undefined || length === undefined || length > LONGEST) return;
    const bytes = new Uint8Array(length);
    if ((await this.source.read(bytes, offset)) < length) return;
    const flip =
      rule === 'blob/values-footer' ? this.footerFlip(bytes, offset) : await this.blockFlip(bytes, offset);
    if (flip === 'unsearched') return;
    finding.cause = flip ?? (await patternOf(this.source, { offset, length })) ?? NO_PATTERN;
  }

  private footerFlip(bytes: Uint8Array, offset: number): Cause | undefined {
    const { size } = this.source;
    return flipCause(footerBits(bytes, offset), bytes, offset, (footer) =>
      decodePebbleBlobFooter(footer, size).footer === undefined ? undefined : 'the footer decodes',
    );
  }

  private async blockFlip(bytes: Uint8Array, offset: number): Promise<Cause | 'unsearched' | undefined> {
    const { footer } = await readPebbleBlobFooter(this.source);
    if (footer === undefined) return 'unsearched';
    const search = searchBlock({ checksumType: footer.checksumType, baseContext: 0 }, bytes, offset);
    if (search.skipped !== undefined) return 'unsearched';
    return flipCause(search, bytes, offset, (block) =>
      holds(block, offset, footer) ? 'the block decodes' : undefined,
    );
  }
}

/** Whether payload and trailer of a block at `offset` hold together. */
function holds(block: Uint8Array, offset: number, { index, properties }: PebbleBlobFooter): boolean {
  const end = block.length - BLOCK_TRAILER;
  const { bytes } = decompressBlock(block[end], block.subarray(0, end), { dialect: 'pebble' });
  if (bytes === undefined) return false;
  if (offset === properties?.offset) return true;
  const decoded = offset === index.offset ? decodePebbleBlobIndex(bytes, offset) : decodeValues(bytes);
  return typeof decoded !== 'string';
}

/** The first bit of a search as a cause, where the bytes hold with it. `then`: what is so then. */
function flipCause(
  search: FlipSearch,
  bytes: Uint8Array,
  offset: number,
  then: (changed: Uint8Array) => string | undefined,
): Cause | undefined {
  const [flip] = search.flips;
  if (flip === undefined) return undefined;
  const changed = Uint8Array.from(bytes);
  flipBits(changed, offset, [flip]);
  const what = then(changed);
  if (what === undefined) return undefined;
  const proven = isConclusive(search);
  return {
    kind: 'bit-flip',
    certainty: proven ? 'proven' : 'likely',
    detail: flipText(flip),
    basis: `${search.method}; ${what} when it is flipped back`,
    ...(proven ? { changes: [{ offset: flip.offset, bit: flip.bit }], restores: true } : {}),
  };
}

/** A footer whose magic number is whole: its CRC stands before what it covers. */
function footerBits(bytes: Uint8Array, offset: number): FlipSearch {
  const crc = crc32c(bytes, CRC, bytes.length);
  const stored = u32At(bytes, 0);
  const flips = checksumFlip(stored, maskCrc(crc), offset);
  for (const { byte, bit } of bitsWithSyndrome((crc ^ unmaskCrc(stored)) >>> 0, bytes.length - CRC))
    flips.push({ offset: offset + CRC + byte, bit, field: 'content' });
  return { flips, tried: 8 * bytes.length, method: 'CRC-32C syndrome' };
}
