import { crc32c, maskCrc, unmaskCrc } from '../bytes/crc32c.js';
import type { ByteSource } from '../bytes/source.js';
import { BATCH_HEADER } from '../format/batch/tags.js';
import { step, stepBack } from './crc32c-register.js';

/** Bytes of a log on each side of a damaged record that are looked at. */
const AROUND = 128 << 10;

/** Puts fragments of a damaged record right with what stands elsewhere in the log. */
export class FamiliarRuns {
  private readonly runs: string[] = [];
  private failed = false;

  private constructor(private readonly sample: Uint8Array) {}

  /** `offset`: of the damaged record. */
  static async near(source: ByteSource, offset: number): Promise<FamiliarRuns> {
    const from = Math.max(0, offset - AROUND);
    const sample = new Uint8Array(Math.min(source.size, offset + AROUND) - from);
    return new FamiliarRuns(sample.subarray(0, await source.read(sample, from)));
  }

  /** What was put right; absent unless all checksums hold now. */
  get restored(): string | undefined {
    if (this.failed || this.runs.length === 0) return undefined;
    return `${this.runs.join(', ')}: so its checksum matches, as other records of the log have them`;
  }

  /** For `gatherRecord`. */
  readonly mend = (covered: Uint8Array, stored: number): void => {
    if (maskCrc(crc32c(covered)) === stored) return;
    const run = familiarRun(covered, stored, this.sample, 1 + BATCH_HEADER);
    if (run === undefined) {
      this.failed = true;
      return;
    }
    covered.set(run.bytes, run.at);
    this.runs.push(`${run.bytes.length} bytes at ${run.at - 1} of its fragment are put right`);
  };
}

/** The most bytes in a row that are looked for. */
const LONGEST = 6;
/** One try in 2^32 fits by chance: with so many, one search in a thousand. */
const MOST_TRIES = 1 << 22;

/** Places for what was tried: two runs that share one cost the second its try. */
const TRIED = 1 << 20;

/** Bytes that stood at `at`. */
interface Run {
  at: number;
  bytes: Uint8Array;
}

/**
 * The run of a few bytes with which `bytes` would have the masked CRC-32C `stored`, among those that stand in `sample` between
 * the same two neighbours: values of one log resemble each other. `undefined` where none fits, or more than one. Offsets before
 * `from` are left alone. The checksum of 32 bits confirms what is found, and no more than that: it is likely, not proven.
 */
export function familiarRun(
  bytes: Uint8Array,
  stored: number,
  sample: Uint8Array,
  from: number,
): Run | undefined {
  const size = bytes.length;
  // the register after what stands before a place, and the one that what stands after it needs
  const before = new Int32Array(size + 1);
  const after = new Int32Array(size + 1);
  before[0] = -1;
  for (let i = 0; i < size; i++) before[i + 1] = step(before[i], bytes[i]);
  after[size] = ~unmaskCrc(stored);
  for (let i = size - 1; i >= 0; i--) after[i] = stepBack(after[i + 1], bytes[i]);
  const next = new Int32Array(size);
  let tries = 0;
  let found: Run | undefined;
  for (let length = 1; length <= LONGEST; length++) {
    const heads = new Int32Array(1 << 16).fill(-1);
    const tried = new Uint8Array(TRIED);
    for (let at = Math.max(from, 1); at + length < size; at++) {
      const neighbours = (bytes[at - 1] << 8) | bytes[at + length];
      next[at] = heads[neighbours];
      heads[neighbours] = at;
    }
    for (let i = 1; i + length < sample.length; i++) {
      let hash = 0;
      for (let k = i - 1; k <= i + length; k++) hash = Math.imul(hash ^ sample[k], 0x01000193);
      hash = (hash ^ (hash >>> 15)) & (TRIED - 1);
      if (tried[hash] !== 0) continue;
      tried[hash] = 1;
      for (let at = heads[(sample[i - 1] << 8) | sample[i + length]]; at >= 0; at = next[at]) {
        if (++tries > MOST_TRIES) return undefined;
        let register = before[at];
        for (let k = i; k < i + length; k++) register = step(register, sample[k]);
        if (register !== after[at + length]) continue;
        const run = trimmed(bytes, at, sample.subarray(i, i + length));
        if (found !== undefined && !isSame(found, run)) return undefined;
        found = run;
      }
    }
  }
  return found;
}

/** Without the bytes at both ends that are there already. */
function trimmed(bytes: Uint8Array, at: number, run: Uint8Array): Run {
  let [from, to] = [0, run.length];
  while (from < to && run[from] === bytes[at + from]) from++;
  while (to > from && run[to - 1] === bytes[at + to - 1]) to--;
  return { at: at + from, bytes: run.slice(from, to) };
}

function isSame(a: Run, b: Run): boolean {
  return a.at === b.at && Buffer.compare(a.bytes, b.bytes) === 0;
}
