import { hashResult, hashXxph3, rowOfHash } from '../../../bytes/kernel.js';
import type { Filter } from './filter.js';

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
  private readonly rawSeed: number;
  private readonly starts: number;
  /** Columns of the blocks from `upperStart` on; those before have one less. */
  private readonly upperColumns: number;
  private readonly upperStart: number;
  /** Four a segment. */
  private readonly words: Uint32Array;

  constructor(solution: Uint8Array, ordinalSeed: number, blocks: number) {
    const seed = BigInt.asUintN(64, BigInt(ordinalSeed) * 0xc78219a23eeadd03n);
    this.rawSeed = Number(BigInt.asUintN(32, seed ^ ((seed & 0xf0f0f0f0f0f0f0f0n) >> 4n)));
    this.starts = 128 * blocks - 127;
    const segments = solution.length / RibbonFilter.SEGMENT;
    this.upperColumns = Math.ceil(segments / blocks);
    this.upperStart = this.upperColumns * blocks - segments;
    this.words = new Uint32Array(Uint8Array.from(solution).buffer);
  }

  mayMatch(bytes: Uint8Array, start: number, end: number): boolean {
    hashXxph3(bytes, start, end);
    return this.holdsRow();
  }

  mayMatchAll(hashes: Uint32Array, count: number): boolean {
    for (let at = 0; at < 2 * count; at += 2) {
      hashResult[0] = hashes[at];
      hashResult[1] = hashes[at + 1];
      if (!this.holdsRow()) return false;
    }
    return true;
  }

  /** Of the key whose hash is the result. */
  private holdsRow(): boolean {
    rowOfHash(this.rawSeed, this.starts);
    const row = hashResult;
    const slot = row[0];
    const expected = row[1];
    const block = slot >>> 7;
    const columns = this.upperColumns - (block < this.upperStart ? 1 : 0);
    const segment = block * this.upperColumns - Math.min(block, this.upperStart);
    const { words } = this;
    let here = 4 * segment;
    let next = 4 * (segment + columns);
    // a row that starts with its segment has nothing in the next one, which may not exist
    const spills = (slot & 127) !== 0;
    for (let i = 0; i < columns; i++, here += 4, next += 4) {
      let bits =
        (words[here] & row[2]) ^
        (words[here + 1] & row[3]) ^
        (words[here + 2] & row[4]) ^
        (words[here + 3] & row[5]);
      if (spills) {
        bits ^=
          (words[next] & row[6]) ^
          (words[next + 1] & row[7]) ^
          (words[next + 2] & row[8]) ^
          (words[next + 3] & row[9]);
      }
      if (parity(bits) !== ((expected >>> i) & 1)) return false;
    }
    return true;
  }
}

function parity(bits: number): number {
  let folded = bits ^ (bits >>> 16);
  folded ^= folded >>> 8;
  folded ^= folded >>> 4;
  return (0x6996 >>> (folded & 15)) & 1;
}
