import { u32At } from '../bytes/u32.js';
import type { Cause } from '../finding/finding.js';
import { BATCH_HEADER } from '../format/batch/tags.js';
import { decodePhysicalHeader } from '../format/log/physical.js';
import type { LogDialect } from '../format/log/types.js';
import { wordThatFits } from './crc32c-syndrome.js';
import type { BitChange } from './flipped-source.js';
import { differingBits } from './footer.js';
import { recordEnd } from './log-flips.js';

/*
 * The count of a batch that another thread goes on appending to is raised after the checksum was computed. Four bytes fit
 * any checksum in one way only, so when what fits is exactly the number of operations that are there, that is no chance.
 */

/** As much more a thread makes of a count, at most, between its checksum and its write: it takes microseconds. */
const MOST_RAISED = 16;
/** Fewer wrong bits than these may be the disk's as well. */
const CERTAIN_BITS = 3;

/** Where the count of a batch stands that begins in the record at the start of `bytes`; undefined where none does. */
function countAt(bytes: Uint8Array, dialect: LogDialect): number | undefined {
  const header = decodePhysicalHeader(bytes, 0, bytes.length, dialect);
  const end = recordEnd(bytes, dialect);
  if (header === undefined || end === undefined) return undefined;
  if (header.kind !== 'full' && header.kind !== 'first') return undefined;
  const at = header.headerSize + BATCH_HEADER - 4;
  return at + 4 > end ? undefined : at;
}

/** The bit makes a small number more of the count, as a thread does. The record begins at file offset `base`. */
export function raisesCount(
  { offset, bit }: BitChange,
  bytes: Uint8Array,
  base: number,
  dialect: LogDialect,
): boolean {
  const at = countAt(bytes, dialect);
  if (at === undefined || offset !== base + at || (bytes[at] & (1 << bit)) === 0) return false;
  return isRaise(u32At(bytes, at), u32At(bytes, at) - (1 << bit));
}

function isRaise(written: number, counted: number): boolean {
  return written > counted && written - counted <= Math.min(MOST_RAISED, counted);
}

/** The count with which the record's checksum holds, and the bits in which it differs from the one that is there. */
export function countThatFits(
  bytes: Uint8Array,
  base: number,
  dialect: LogDialect,
): { written: number; fitting: number; changes: BitChange[] } | undefined {
  const at = countAt(bytes, dialect);
  const end = recordEnd(bytes, dialect);
  if (at === undefined || end === undefined) return undefined;
  const written = u32At(bytes, at);
  const fitting = wordThatFits(bytes, 6, end, at, u32At(bytes, 0));
  const bytesOf = (word: number) => new Uint8Array(new Uint32Array([word]).buffer);
  return { written, fitting, changes: differingBits(bytesOf(written), bytesOf(fitting), base + at) };
}

/** Why a count is another one than when the checksum was computed. The batch decodes with the one that fits. */
export function countCause(written: number, fitting: number, changes: readonly BitChange[]): Cause {
  const basis = `the checksum holds for a count of ${fitting} and no other, and the batch decodes with it`;
  if (!isRaise(written, fitting)) {
    return {
      kind: 'garbage',
      certainty: 'likely',
      detail: `the count of the batch was written over: it holds ${fitting} operations, the header says ${written}`,
      basis,
      changes: [...changes],
    };
  }
  return {
    kind: 'memory',
    certainty: changes.length >= CERTAIN_BITS ? 'proven' : 'likely',
    detail:
      `the batch counted ${fitting} operations, as many as it holds, when its checksum was computed, and ${written} when it was ` +
      'written: another thread was counting on in the same memory. The disk kept what it was given',
    basis,
    changes: [...changes],
  };
}
