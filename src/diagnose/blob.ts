import { crc32c, maskCrc } from '../bytes/crc32c.js';
import type { ByteSource } from '../bytes/source.js';
import { u32At } from '../bytes/u32.js';
import { checkBlob } from '../check/blob/blob.js';
import type { BlobContext, UnitResult } from '../check/unit.js';
import { decompressBlock } from '../codec/block.js';
import type { Cause, Finding, Range } from '../finding/finding.js';
import { decodeBlobFileHeader } from '../format/blob/header.js';
import { BLOB } from '../format/blob/layout.js';
import { decodeBlobRecordHeader, isHeaderIntact, recordLength } from '../format/blob/record.js';
import { checksumFlip } from './block-flips.js';
import { bitsWithSyndrome } from './crc32c-syndrome.js';
import { type BitChange, FlippedSource } from './flipped-source.js';
import { type Flip, type FlipSearch, flipText, isConclusive } from './flips.js';
import { checksumByte, coveredBytes, LONGEST_FOR_BYTES, overwrittenByte } from './overwritten-byte.js';
import { NO_PATTERN, patternOf } from './pattern.js';

/** Longer values are not walked. Bytes. */
const LONGEST = 64 << 20;
/** A blob file up to this size is checked again whole for one bit. Bytes. */
const CHECKED_WHOLE = 32 << 20;

const METHOD = 'CRC-32C syndrome';
/** Where the file header names the compression. */
const COMPRESSION_AT = 13;

const HEADER_CAUSE: Cause = {
  kind: 'garbage',
  certainty: 'possible',
  detail: 'the header of the file, which no checksum covers, was written over, or is that of another file',
};

/** Finds causes for what a check has found in one blob file. */
export class BlobDiagnosis {
  constructor(
    private readonly source: ByteSource,
    private readonly context: BlobContext,
    private readonly result: UnitResult,
  ) {}

  /** Sets the cause of a finding, where the bytes tell. */
  async diagnose(finding: Finding): Promise<void> {
    const { rule, offset, length } = finding;
    if (offset === undefined || length === undefined) return;
    const search = await this.search(rule, { offset, length });
    if (search === undefined) return;
    const [flip] = search.flips;
    if (flip !== undefined) {
      finding.cause = await this.bitFlip(search, { offset, length });
      if (finding.cause !== undefined) return;
    }
    finding.cause = await this.oneByte(rule, { offset, length });
    if (finding.cause !== undefined) return;
    if (rule === 'blob/bad-header') {
      finding.cause = HEADER_CAUSE;
      return;
    }
    finding.cause = (await patternOf(this.source, { offset, length })) ?? NO_PATTERN;
  }

  private async search(rule: string, place: Range): Promise<FlipSearch | undefined> {
    switch (rule) {
      case 'blob/record-checksum':
        return this.searchContent(place);
      case 'blob/record-header-checksum':
        return this.searchCovered(place.offset, 24);
      case 'blob/bad-footer':
        return this.searchCovered(place.offset, 28);
      case 'blob/bad-header':
        return this.searchHeader();
      default:
        return undefined;
    }
  }

  /** Key and value, and the stored checksum in the header before them. */
  private async searchContent({ offset, length }: Range): Promise<FlipSearch | undefined> {
    if (length > LONGEST) return undefined;
    const bytes = await this.read({ offset, length });
    if (bytes === undefined) return undefined;
    const stored = u32At(bytes, 28);
    const crc = crc32c(bytes, BLOB.recordHeaderLength, length);
    const size = length - BLOB.recordHeaderLength;
    const { blobCrc } = decodeBlobRecordHeader(bytes);
    const flips = checksumFlip(stored, maskCrc(crc), offset + 28);
    for (const { byte, bit } of bitsWithSyndrome((crc ^ blobCrc) >>> 0, size))
      flips.push({ offset: offset + BLOB.recordHeaderLength + byte, bit, field: 'content' });
    return { flips, tried: 8 * size + 32, method: METHOD };
  }

  /** `covered` bytes and their masked CRC after them: a record header, or the footer. */
  private async searchCovered(offset: number, covered: number): Promise<FlipSearch | undefined> {
    const bytes = await this.read({ offset, length: covered + 4 });
    if (bytes === undefined) return undefined;
    const stored = u32At(bytes, covered);
    const crc = crc32c(bytes, 0, covered);
    const flips = checksumFlip(stored, maskCrc(crc), offset + covered);
    const changed = Uint8Array.from(bytes);
    for (let byte = 0; byte < covered; byte++) {
      for (let bit = 0; bit < 8; bit++) {
        changed[byte] = bytes[byte] ^ (1 << bit);
        if (maskCrc(crc32c(changed, 0, covered)) === stored)
          flips.push({ offset: offset + byte, bit, field: 'content' });
      }
      changed[byte] = bytes[byte];
    }
    return { flips, tried: 8 * (covered + 4), method: METHOD };
  }

  /** The file header has no checksum; what most of it must hold is known. */
  private async searchHeader(): Promise<FlipSearch | undefined> {
    const bytes = await this.read({ offset: 0, length: BLOB.headerLength });
    if (bytes === undefined) return undefined;
    const right = Uint8Array.from(bytes);
    const view = new DataView(right.buffer);
    view.setUint32(0, BLOB.magic, true);
    view.setUint32(4, BLOB.version, true);
    const { live } = this.context;
    if (live !== undefined) {
      view.setUint32(8, live.columnFamily, true);
      right.fill(0, 14);
      right[12] = 0;
    }
    const flips: Flip[] = [];
    let different = 0;
    for (let byte = 0; byte < right.length; byte++) {
      for (let bit = 0; bit < 8; bit++) {
        if ((((bytes[byte] ^ right[byte]) >>> bit) & 1) === 0) continue;
        different++;
        flips.push({ offset: byte, bit, field: 'content' });
      }
    }
    const tried = 8 * BLOB.headerLength;
    if (different > 0) {
      const method = 'what must stand in the header is known';
      return { flips: different === 1 ? flips : [], tried, method };
    }
    return { flips: await this.compressionBits(), tried, method: 'values decompress with no other type' };
  }

  /** The bits of the compression type with which all values decompress. */
  private async compressionBits(): Promise<Flip[]> {
    const flips: Flip[] = [];
    for (let bit = 0; bit < 8; bit++) {
      const flip: Flip = { offset: COMPRESSION_AT, bit, field: 'type' };
      if ((await this.try([flip], { offset: 0, length: BLOB.headerLength })) === 'decodes') flips.push(flip);
    }
    return flips;
  }

  /** One byte of key and value, or of their checksum. */
  private async oneByte(rule: string, place: Range): Promise<Cause | undefined> {
    const bytes = rule === 'blob/record-checksum' ? await this.read(place) : undefined;
    if (bytes === undefined || place.length > LONGEST_FOR_BYTES) return undefined;
    const crc = crc32c(bytes, BLOB.recordHeaderLength, place.length);
    const { blobCrc } = decodeBlobRecordHeader(bytes);
    const covered = place.offset + BLOB.recordHeaderLength;
    const candidates = [
      ...coveredBytes((crc ^ blobCrc) >>> 0, place.length - BLOB.recordHeaderLength, covered),
      ...checksumByte(u32At(bytes, 28), maskCrc(crc), place.offset + 28),
    ];
    return overwrittenByte(candidates, place.length, (changes) => this.try(changes, place));
  }

  private async bitFlip(search: FlipSearch, place: Range): Promise<Cause | undefined> {
    const [flip] = search.flips;
    const verdict = await this.try([flip], place);
    if (verdict === 'fails') return undefined;
    const proven = verdict === 'decodes' && isConclusive(search);
    return {
      kind: 'bit-flip',
      certainty: proven ? 'proven' : 'likely',
      detail: flipText(flip),
      basis: `${search.method}; ${verdict === 'decodes' ? 'the file checks clean there when it is flipped back' : 'the rest of the file could not be held against it'}`,
      ...(proven ? { changes: [{ offset: flip.offset, bit: flip.bit }], restores: true } : {}),
    };
  }

  private async try(
    changes: readonly BitChange[],
    { offset, length }: Range,
  ): Promise<'decodes' | 'fails' | 'unsure'> {
    if (this.source.size > CHECKED_WHOLE) return this.tryRecord(changes, { offset, length });
    const { findings } = await checkBlob(new FlippedSource(this.source, changes), this.context);
    const touches = (f: Finding) =>
      f.offset !== undefined &&
      f.offset < offset + Math.max(length, 1) &&
      f.offset + (f.length ?? 0) > offset;
    if (findings.some(touches)) return 'fails';
    const known = new Set(this.result.findings.map((f) => `${f.rule}@${f.offset}`));
    return findings.every((f) => known.has(`${f.rule}@${f.offset}`)) ? 'decodes' : 'unsure';
  }

  /** Of a large file, the record alone: that it is whole, ends where another begins, and decompresses. */
  private async tryRecord(
    changes: readonly BitChange[],
    { offset, length }: Range,
  ): Promise<'decodes' | 'fails' | 'unsure'> {
    if (offset < BLOB.headerLength) return 'unsure';
    const flipped = new FlippedSource(this.source, changes);
    const { header } = decodeBlobFileHeader((await this.read({ offset: 0, length: BLOB.headerLength }))!);
    const bytes = new Uint8Array(length);
    if (header === undefined || (await flipped.read(bytes, offset)) < length) return 'unsure';
    const record = decodeBlobRecordHeader(bytes);
    if (!isHeaderIntact(record) || recordLength(record) > length) return 'fails';
    const content = bytes.subarray(BLOB.recordHeaderLength, recordLength(record));
    if (crc32c(content) !== record.blobCrc) return 'fails';
    const { error } = decompressBlock(header.compression, content.subarray(record.keyLength));
    return error === undefined ? 'decodes' : 'fails';
  }

  private async read({ offset, length }: Range): Promise<Uint8Array | undefined> {
    const bytes = new Uint8Array(length);
    return (await this.source.read(bytes, offset)) < length ? undefined : bytes;
  }
}
