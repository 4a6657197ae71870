import type { ByteSource } from '../../bytes/source.js';
import { u32At } from '../../bytes/u32.js';
import { MAX_RECORD } from './assembly.js';
import { BLOCK_SIZE, LEGACY_HEADER, type LogDialect, RecordKind } from './types.js';

/**
 * Puts a logical record together whose checksums do not hold, going by its headers alone: types in order, lengths that fit
 * their blocks. Returns `undefined` where the headers do not lead to a last fragment. `offset` is that of its first header.
 * `mend` is given the type byte and the payload of each fragment, which it may change, and the masked checksum that is stored of them.
 */
export async function gatherRecord(
  source: ByteSource,
  offset: number,
  { kinds, headerSizes }: LogDialect,
  mend?: (covered: Uint8Array, stored: number) => void,
): Promise<Uint8Array | undefined> {
  const parts: Uint8Array[] = [];
  const header = new Uint8Array(LEGACY_HEADER);
  let total = 0;
  for (let at = offset; ; ) {
    const left = BLOCK_SIZE - (at % BLOCK_SIZE);
    if (left < LEGACY_HEADER) {
      at += left;
      continue;
    }
    if ((await source.read(header, at)) < LEGACY_HEADER) return undefined;
    const length = header[4] | (header[5] << 8);
    const kind = kinds[header[6]];
    const headerSize = headerSizes[header[6]];
    const starts = kind === RecordKind.full || kind === RecordKind.first;
    const goesOn = kind === RecordKind.middle || kind === RecordKind.last;
    if (headerSize + length > left || (parts.length === 0 ? !starts : !goesOn)) return undefined;
    const covered = new Uint8Array(1 + length);
    covered[0] = header[6];
    if ((await source.read(covered.subarray(1), at + headerSize)) < length) return undefined;
    mend?.(covered, u32At(header, 0));
    parts.push(covered.subarray(1));
    total += length;
    if (total > MAX_RECORD) return undefined;
    if (kind === RecordKind.full || kind === RecordKind.last) return Buffer.concat(parts);
    at += headerSize + length;
  }
}
