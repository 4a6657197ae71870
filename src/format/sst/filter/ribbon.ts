import { xxph3 } from '../../../bytes/xxph3.js';
import type { Filter } from './filter.js';

const MASK64 = 0xffffffffffffffffn;
const MASK128 = (1n << 128n) - 1n;

/**
 * Standard128 Ribbon (rocksdb util/ribbon_impl.h): the solution of a linear system over GF(2), in segments of 16 bytes,
 * one segment per block and column. A key has a start slot, a row of 128 coefficients and an expected result; it may be
 * in the set when, in every column, the parity of row AND solution is that column's bit of the result.
 */
export class RibbonFilter implements Filter {
  /** Bytes. */
  static readonly SEGMENT = 16;
  readonly kind = 'ribbon';
  readonly problems = [];
  private readonly rawSeed: bigint;
  private readonly starts: bigint;
  /** Columns of the blocks from `upperStart` on; those before have one less. */
  private readonly upperColumns: number;
  private readonly upperStart: number;
  private readonly words: DataView;

  constructor(solution: Uint8Array, ordinalSeed: number, blocks: number) {
    const y = (BigInt(ordinalSeed) * 0xc78219a23eeadd03n) & MASK64;
    this.rawSeed = (y ^ ((y & 0xf0f0f0f0f0f0f0f0n) >> 4n)) & 0xffffffffn;
    this.starts = BigInt(128 * blocks - 127);
    const segments = solution.length / RibbonFilter.SEGMENT;
    this.upperColumns = Math.ceil(segments / blocks);
    this.upperStart = this.upperColumns * blocks - segments;
    this.words = new DataView(solution.buffer, solution.byteOffset, solution.length);
  }

  mayMatch(bytes: Uint8Array, start: number, end: number): boolean {
    const hash = ((xxph3(bytes, start, end) ^ this.rawSeed) * 0x6193d459236a3a0dn) & MASK64;
    const slot = Number((hash * this.starts) >> 64n);
    const block = Math.floor(slot / 128);
    const shift = BigInt(slot % 128);
    const columns = this.upperColumns - (block < this.upperStart ? 1 : 0);
    const segment = block * this.upperColumns - Math.min(block, this.upperStart);

    const a = (hash * 0xc28f82822b650bedn) & MASK64;
    const row = (a << 64n) | (a ^ 0xc367844a6e52731dn) | 1n;
    const expected = byteSwappedLow(a);
    const first = (row << shift) & MASK128;
    const second = row >> (128n - shift);
    for (let i = 0; i < columns; i++) {
      let bits = this.segment(segment + i) & first;
      if (shift !== 0n) bits ^= this.segment(segment + columns + i) & second;
      if (parity(bits) !== ((expected >>> i) & 1)) return false;
    }
    return true;
  }

  private segment(index: number): bigint {
    const at = index * RibbonFilter.SEGMENT;
    if (at + RibbonFilter.SEGMENT > this.words.byteLength) return 0n;
    return this.words.getBigUint64(at, true) | (this.words.getBigUint64(at + 8, true) << 64n);
  }
}

/** The low 32 bits of a 64-bit number with its bytes reversed: its high half, reversed. */
function byteSwappedLow(a: bigint): number {
  const high = Number(a >> 32n);
  return ((high >>> 24) | ((high >>> 8) & 0xff00) | ((high << 8) & 0xff0000) | (high << 24)) >>> 0;
}

function parity(bits: bigint): number {
  let folded =
    Number((bits ^ (bits >> 64n)) & 0xffffffffn) ^ Number(((bits >> 32n) ^ (bits >> 96n)) & 0xffffffffn);
  folded ^= folded >>> 16;
  folded ^= folded >>> 8;
  folded ^= folded >>> 4;
  return (0x6996 >>> (folded & 15)) & 1;
}
