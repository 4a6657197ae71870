/*
 * The kernel's memory, laid out by hand; nothing in it is allocated.
 *
 *   0        constants and the result (where the compiler puts them)
 *   4 KiB    a key: 28 KiB                                36 KiB   the first key of a block: 28 KiB
 *   64 KiB   input: 1 MiB                                 1088 KiB   hashes of the keys of a block: 1 MiB
 *   2112 KiB   a Bloom filter: to the end
 */
export const KEY: usize = 0x1000;
export const FIRST_KEY: usize = 0x9000;
/** A key is copied in words of eight bytes, which may reach past its end. */
export const LONGEST_KEY: u32 = 0x7000 - 16;
export const INPUT: usize = 0x10000;
export const HASHES: usize = 0x110000;
export const MOST_HASHES: u32 = 0x20000;
export const FILTER: usize = 0x210000;

/** Where results are left. A 64-bit hash as low half, high half: returned, it would be a bigint, and allocated. */
export const RESULT: usize = memory.data(64, 16);
/** What a block comes to. */
export const SUMS: usize = memory.data(64, 16);
/** State of a hash whose input comes in pieces. */
export const LANES: usize = memory.data(64, 16);
