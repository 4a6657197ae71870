/*
 * The kernel's memory, laid out by hand; nothing in it is allocated.
 *
 *   0        constants and the result (where the compiler puts them)
 *   4 KiB    a key: 28 KiB                                36 KiB   the first key of a block: 28 KiB
 *   64 KiB   input: 1 MiB                                 1088 KiB   hashes of the keys of a block: 1 MiB
 *   2112 KiB   entries of an index: places 32 KiB, ends of separators 36 KiB, separators 412 KiB
 *   2592 KiB   the last key of the last sound block: 32 KiB
 *   2624 KiB   a decompressed block: 256 KiB
 *   2880 KiB   a Bloom filter, and what files are read into: to the end
 */
export const KEY: usize = 0x1000;
export const FIRST_KEY: usize = 0x9000;
/** A key is copied in words of eight bytes, which may reach past its end. */
export const LONGEST_KEY: u32 = 0x7000 - 16;
export const INPUT: usize = 0x10000;
export const HASHES: usize = 0x110000;
export const MOST_HASHES: u32 = 0x20000;
/** Two numbers for each block: its file offset and its payload's size. */
export const PLACES: usize = 0x210000;
export const MOST_BLOCKS: u32 = 0x800;
/** A number for each separator, where it ends; the first is that of the one before. */
export const ENDS: usize = 0x218000;
export const SEPARATORS: usize = 0x221000;
export const SOUND_KEY: usize = 0x288000;
export const PLAIN: usize = 0x290000;
/** The decoder copies in words of eight, too. */
export const LONGEST_PLAIN: u32 = 0x40000 - 64;
export const FILTER: usize = 0x2d0000;

/** Where results are left. A 64-bit hash as low half, high half: returned, it would be a bigint, and allocated. */
export const RESULT: usize = memory.data(64, 16);
/** What a block comes to. */
export const SUMS: usize = memory.data(64, 16);
/** What the sound blocks of a run come to. */
export const TOTALS: usize = memory.data(96, 16);
/** One for each compression type that blocks of the table may have. */
export const DECLARED: usize = memory.data(256, 16);
/** State of a hash whose input comes in pieces. */
export const LANES: usize = memory.data(64, 16);
