import { copyMatch, copyRun } from './copy';

/**
 * Expands a Snappy block, without the length in front of it, to exactly `outputLength` bytes (snappy format_description.txt). False where it
 * is damaged.
 */
export function snappy(input: usize, inputLength: usize, output: usize, outputLength: usize): bool {
  const inputEnd = input + inputLength;
  const outputEnd = output + outputLength;
  let from = input;
  let to = output;
  while (from < inputEnd) {
    const tag = load<u8>(from++) as usize;
    const kind = tag & 3;
    let length: usize = tag >> 2;
    if (kind === 0) {
      if (length >= 60) {
        const extra = length - 59;
        if (extra > inputEnd - from) return false;
        length = (load<u32>(from) & (0xffffffff >> (32 - 8 * (extra as u32)))) as usize;
        from += extra;
      }
      if (length >= inputEnd - from || length >= outputEnd - to) return false;
      length++;
      copyRun(to, from, length);
      from += length;
      to += length;
      continue;
    }
    let offset: usize;
    if (kind === 1) {
      if (from >= inputEnd) return false;
      offset = ((tag >> 5) << 8) | (load<u8>(from++) as usize);
      length = (length & 7) + 4;
    } else {
      const size: usize = kind === 2 ? 2 : 4;
      if (size > inputEnd - from) return false;
      offset = kind === 2 ? (load<u16>(from) as usize) : (load<u32>(from) as usize);
      from += size;
      length++;
    }
    if (offset === 0 || offset > to - output || length > outputEnd - to) return false;
    copyMatch(to, offset, length);
    to += length;
  }
  return to === outputEnd;
}
