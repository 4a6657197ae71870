import { crc32c, maskCrc, unmaskCrc } from '../bytes/crc32c.js';
import type { ByteSource } from '../bytes/source.js';
import { u32At } from '../bytes/u32.js';
import { checkValuesFile } from '../check/blob/values-file.js';
import type { BlobContext, UnitResult } from '../check/unit.js';
import type { Cause, Finding, Range } from '../finding/finding.js';
import { decodeValuesFooter, VALUES_FOOTER } from '../format/blob/values-file.js';
import { checksumFlip, searchBlock } from './block-flips.js';
import { bitsWithSyndrome } from './crc32c-syndrome.js';
import { FlippedSource } from './flipped-source.js';
import { type FlipSearch, flipText, isConclusive } from './flips.js';
import { patternOf } from './pattern.js';

/** Longer blocks are not walked. Bytes. */
const LONGEST = 64 << 20;
/** A file up to this size is checked again whole for one bit. Bytes. */
const CHECKED_WHOLE = 32 << 20;
/** Bytes of the CRC that a footer begins with. */
const CRC = 4;

/** Finds causes for what a check has found in one blob file of Pebble. */
export class ValuesDiagnosis {
  constructor(
    private readonly source: ByteSource,
    private readonly context: BlobContext,
    private readonly result: UnitResult,
  ) {}

  /** Sets the cause of a finding, where the bytes tell. */
  async diagnose(finding: Finding): Promise<void> {
    const { rule, offset, length } = finding;
    if (offset === undefined || length === undefined || length > LONGEST) return;
    const place = { offset, length };
    const bytes = new Uint8Array(length);
    if ((await this.source.read(bytes, offset)) < length) return;
    const search =
      rule === 'blob/values-footer' ? footerBits(bytes, offset) : await this.blockBits(bytes, offset);
    finding.cause = (await this.bitFlip(search, place)) ??
      (await patternOf(this.source, place)) ?? {
        kind: 'garbage',
        certainty: 'possible',
        detail: 'more than one bit is wrong, in no pattern that tells why',
      };
  }

  private async blockBits(bytes: Uint8Array, offset: number): Promise<FlipSearch | undefined> {
    const { size } = this.source;
    const tail = new Uint8Array(Math.min(VALUES_FOOTER, size));
    await this.source.read(tail, size - tail.length);
    const { footer } = decodeValuesFooter(tail, size);
    return footer && searchBlock({ checksumType: footer.checksumType, baseContext: 0 }, bytes, offset);
  }

  private async bitFlip(
    search: FlipSearch | undefined,
    { offset, length }: Range,
  ): Promise<Cause | undefined> {
    const flip = search?.flips[0];
    if (search === undefined || flip === undefined || this.source.size > CHECKED_WHOLE) return undefined;
    const { findings, unchecked } = await checkValuesFile(
      new FlippedSource(this.source, [flip]),
      this.context,
    );
    const known = new Set(this.result.findings.map((each) => `${each.rule}@${each.offset}`));
    const isLeft = (each: Finding) =>
      !known.has(`${each.rule}@${each.offset}`) || (each.offset === offset && each.length === length);
    if (findings.some(isLeft)) return undefined;
    const proven = isConclusive(search) && unchecked.length === 0;
    return {
      kind: 'bit-flip',
      certainty: proven ? 'proven' : 'likely',
      detail: flipText(flip),
      basis: `${search.method}; the file checks clean there when it is flipped back`,
      ...(proven ? { changes: [{ offset: flip.offset, bit: flip.bit }], restores: true } : {}),
    };
  }
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
