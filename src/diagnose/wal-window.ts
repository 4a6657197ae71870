import type { ByteSource } from '../bytes/source.js';
import type { UnitResult, WalContext } from '../check/unit.js';
import { checkWal } from '../check/wal/wal.js';
import type { Finding, Range } from '../finding/finding.js';
import { BLOCK_SIZE } from '../format/log/types.js';
import { PiecedSource } from '../io/pieces.js';
import { type BitChange, FlippedSource } from './flipped-source.js';

/** A WAL up to this size is read again whole for one record. Bytes. */
const READ_WHOLE = 4 << 20;
/** Blocks before and after a place in a larger one, and how far after a record is followed. */
const BLOCKS_AROUND = 2;
const FURTHEST = 64 << 20;

/** What a stretch of a WAL reads like with some bits put back. */
export interface WalTrial {
  /** Findings that touch the place, in file offsets, holes in the numbering left out. */
  touching: Finding[];
  /** All of them, in file offsets. */
  findings: Finding[];
}

/**
 * Checks a WAL again around a place, with bits put back. Of a large file only the first block, which says how it is
 * compressed, and the blocks around the place are read: records do not depend on blocks before theirs.
 */
export async function readAgain(
  source: ByteSource,
  context: WalContext,
  place: Range,
  changes: readonly BitChange[],
): Promise<WalTrial> {
  const flipped = new FlippedSource(source, changes);
  if (source.size <= READ_WHOLE) return trialOf(await checkWal(flipped, context), place, 0);
  const from = Math.max(1, Math.floor(place.offset / BLOCK_SIZE) - BLOCKS_AROUND) * BLOCK_SIZE;
  for (let blocks = BLOCKS_AROUND; ; blocks *= 8) {
    const behind = Math.ceil((place.offset + place.length) / BLOCK_SIZE) + blocks;
    const to = Math.min(source.size, behind * BLOCK_SIZE);
    const window = new PiecedSource(source.descriptor, [
      { source: flipped, offset: 0, length: BLOCK_SIZE },
      { source: flipped, offset: from, length: to - from },
    ]);
    const trial = trialOf(await checkWal(window, context), place, from - BLOCK_SIZE);
    const isCut = trial.touching.some((f) => f.rule === 'wal/torn-tail') && to < source.size;
    if (!isCut || to - from > FURTHEST) return trial;
  }
}

/** `shift`: what to add to an offset after the first block to get the file's. */
function trialOf(result: UnitResult, place: Range, shift: number): WalTrial {
  const findings = result.findings.map((found) => {
    const { offset } = found;
    return offset === undefined || offset < BLOCK_SIZE ? found : { ...found, offset: offset + shift };
  });
  const touching = findings.filter(({ rule, offset, length = 0 }) => {
    if (offset === undefined || rule === 'sequence/gap') return false;
    return offset < place.offset + place.length && offset + Math.max(length, 1) > place.offset;
  });
  return { touching, findings };
}
