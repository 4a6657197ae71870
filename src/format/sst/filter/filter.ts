/** What a filter is, as its own bytes say. */
type FilterKind = 'legacy-bloom' | 'fast-local-bloom' | 'ribbon' | 'always-true' | 'matches-nothing';

/** Why a filter's bytes are not what any writer leaves, in offsets of the filter's payload. */
export interface FilterProblem {
  offset: number;
  length: number;
  message: string;
}

/** Bloom filters that the kernel can ask by itself (`RunRules.bloom` in src/bytes/kernel.ts). */
export interface KernelBloom {
  bits: Uint8Array;
  lines: number;
  probes: number;
  parts: number;
}

/**
 * The filter of a table or of one partition. `mayMatch` allocates nothing and answers as the engine would: false means
 * that the engine will not look for the key, so false for a key that is there is lost data.
 */
export interface Filter {
  readonly kind: FilterKind;
  /** False: a reader skips the table for the key `bytes[start, end)`, a user key or a prefix without timestamp. */
  mayMatch(bytes: Uint8Array, start: number, end: number): boolean;
  /**
   * The same of `count` keys of which only the XXPH3 is at hand, two words each, low half first: true when it matches all.
   * Absent where the filter rests on another hash.
   */
  mayMatchAll?(hashes: Uint32Array, count: number): boolean;
  /** Present where it is a FastLocalBloom that the kernel has room for. */
  readonly bloom?: KernelBloom;
  /** Empty for a filter as a writer leaves it. */
  readonly problems: readonly FilterProblem[];
}
