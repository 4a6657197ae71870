import type { ByteSource } from '../bytes/source.js';
import type { EvidenceValue } from '../finding/evidence.js';
import type { Cause, Finding } from '../finding/finding.js';
import { counted } from '../finding/quantity.js';
import type { BitChange } from './flipped-source.js';
import { flipText } from './flips.js';

/**
 * Why a footer is wrong. Reading it has already found what it should be: the magic number is one of few and leads to an
 * intact metaindex, any other single bit was tried until the footer led there.
 */
export function footerCause({ rule, evidence }: Finding): Cause | undefined {
  const changes = changesIn(evidence.changes);
  if (changes.length === 0) return undefined;
  const basis =
    rule === 'sst/footer-checksum'
      ? 'of all bits of the footer only this one makes its checksum hold'
      : 'with that, the footer leads to a metaindex that matches its checksum';
  if (changes.length === 1) {
    const detail = `${flipText({ ...changes[0], field: 'content' })} of the footer`;
    return { kind: 'bit-flip', certainty: 'proven', detail, basis, changes, restores: true };
  }
  const bytes = new Set(changes.map((change) => change.offset)).size;
  const detail = `${counted(bytes, 'byte')} of the magic number ${bytes === 1 ? 'was' : 'were'} overwritten (${changes.length} bits); what must stand there is known`;
  return { kind: 'garbage', certainty: 'proven', detail, basis, changes, restores: true };
}

/** Why a footer is not there at all. `right`: what must have stood there, as the rest of the table tells. */
export async function lostFooterCause(
  source: ByteSource,
  right: { offset: number; bytes: Uint8Array },
): Promise<Cause | undefined> {
  const there = new Uint8Array(right.bytes.length);
  if ((await source.read(there, right.offset)) < there.length) return undefined;
  const changes = differingBits(there, right.bytes, right.offset);
  if (changes.length === 0) return undefined;
  const isZero = there.every((byte) => byte === 0);
  return {
    kind: isZero ? 'zeroed' : 'garbage',
    certainty: 'proven',
    detail: `the footer was ${isZero ? 'lost to zeros' : 'written over'}; what must stand there follows from the rest of the table`,
    basis:
      'the metaindex ends where the footer begins, and every block that it names matches under the footer worked out',
    changes,
    restores: true,
  };
}

/** The bits in which two runs of bytes of one length differ, in file order. `base` is the file offset of their first byte. */
export function differingBits(a: Uint8Array, b: Uint8Array, base: number): BitChange[] {
  const changes: BitChange[] = [];
  for (let i = 0; i < a.length; i++) {
    for (let bit = 0; bit < 8; bit++) {
      if ((((a[i] ^ b[i]) >>> bit) & 1) === 1) changes.push({ offset: base + i, bit });
    }
  }
  return changes;
}

/** Bits that a check has found to be wrong, as it put them into evidence. */
export function changesIn(value: EvidenceValue | undefined): BitChange[] {
  if (!Array.isArray(value)) return [];
  return value.flatMap((item) => {
    const { offset, bit } = item as { offset?: unknown; bit?: unknown };
    return typeof offset === 'number' && typeof bit === 'number' ? [{ offset, bit }] : [];
  });
}
