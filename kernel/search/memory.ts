/*
 * The kernel's memory: constants and matches below, the input from 64 KiB on, and what a search keeps for each block or
 * stripe after the input. JavaScript grows it to what an input needs: `INPUT` + 3 × its length + a page.
 */
export const INPUT: usize = 0x10000;

/** Where matches are left: each the number of a bit, counted from the first byte's least significant. */
export const MATCHES: usize = 0x8000;
export const MOST_MATCHES: u32 = 64;

/** Where working memory for an input of `length` bytes begins: aligned to 64 bytes. */
export function scratch(length: u32): usize {
  return (INPUT + length + 63) & ~(63 as usize);
}

/** Matches found so far in the search under way. */
let found: u32 = 0;

export function startSearch(): void {
  found = 0;
}

export function addMatch(bit: u32): void {
  if (found < MOST_MATCHES) store<u32>(MATCHES + 4 * found, bit);
  found++;
}

export function matchCount(): u32 {
  return found;
}
