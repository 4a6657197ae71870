import { copyMatch, copyRun } from './copy';

/** A match is of four bytes at least. */
const SHORTEST_MATCH: usize = 4;
/** The last five bytes of a block are literals, and a match does not start in the last twelve. */
const LAST_LITERALS: usize = 5;
const MATCH_FREE_END: usize = 12;
/** No length comes near it; what passes it would overflow in the end. */
const ABSURD: usize = 0x7f000000;

/** src/codec/lz4.ts says what the numbers mean. */
// biome-ignore format: a table
const LITERAL_LENGTH_CUT: i32 = 1, LITERALS_PAST_INPUT: i32 = 2, LITERALS_PAST_OUTPUT: i32 = 3, SHORT_OUTPUT: i32 = 4,
  MATCH_NEAR_END: i32 = 5, OFFSET_CUT: i32 = 6, OFFSET_ZERO: i32 = 7, MATCH_LENGTH_CUT: i32 = 8,
  MATCH_PAST_OUTPUT: i32 = 9, OFFSET_PAST_START: i32 = 10, NO_LITERALS: i32 = 11;

/**
 * Expands the LZ4 block of `inputLength` bytes to exactly `outputLength` bytes. `dictionary` bytes directly before the
 * output can be referred to. 0, or what is wrong. It refuses what the reference decoder refuses.
 */
export function lz4(
  input: usize,
  inputLength: usize,
  output: usize,
  outputLength: usize,
  dictionary: usize,
): i32 {
  const inputEnd = input + inputLength;
  const outputEnd = output + outputLength;
  const lowest = output - dictionary;
  let from = input;
  let to = output;
  while (from < inputEnd) {
    const token = load<u8>(from++) as usize;

    let literals = token >> 4;
    if (literals === 15) {
      let byte: usize = 255;
      while (byte === 255) {
        if (from >= inputEnd || literals > ABSURD) return LITERAL_LENGTH_CUT;
        byte = load<u8>(from++);
        literals += byte;
      }
    }
    if (literals > inputEnd - from) return LITERALS_PAST_INPUT;
    if (literals > outputEnd - to) return LITERALS_PAST_OUTPUT;
    copyRun(to, from, literals);
    from += literals;
    to += literals;

    if (from === inputEnd) return to === outputEnd ? 0 : SHORT_OUTPUT;
    if (outputEnd - to < MATCH_FREE_END) return MATCH_NEAR_END;
    if (inputEnd - from < 2) return OFFSET_CUT;
    const offset = load<u16>(from) as usize;
    from += 2;
    if (offset === 0) return OFFSET_ZERO;
    if (to - offset < lowest) return OFFSET_PAST_START;

    let match = (token & 15) + SHORTEST_MATCH;
    if (match === 15 + SHORTEST_MATCH) {
      let byte: usize = 255;
      while (byte === 255) {
        if (from >= inputEnd || match > ABSURD) return MATCH_LENGTH_CUT;
        byte = load<u8>(from++);
        match += byte;
      }
    }
    if (match > outputEnd - to - LAST_LITERALS) return MATCH_PAST_OUTPUT;
    copyMatch(to, offset, match);
    to += match;
  }
  return NO_LITERALS;
}
