import type { ByteSource } from '../bytes/source.js';
import { checkTable } from '../check/sst/table.js';
import type { TableContext, TableTotals, UnitResult } from '../check/unit.js';
import type { Finding } from '../finding/finding.js';
import { BLOCK_TRAILER, type BlockHandle } from '../format/sst/handle.js';
import { type BitChange, FlippedSource } from './flipped-source.js';

/** A whole table up to this size is checked again for a bit in its metadata; of a larger one, the first blocks. Bytes. */
export const CHECKED_WHOLE = 32 << 20;
const FIRST_BLOCKS = 64;

/** Rules whose findings say of the table which file it is, not what its bytes are like. */
export const ABOUT_THE_FILE = new Set(['sst/wrong-file', 'sst/manifest-mismatch']);

/** What putting bits back comes to. */
export interface TableTrial {
  /** `decodes`: the block is fine then, and nothing around it is worse. `unsure`: not all of it could be looked at. */
  verdict: 'decodes' | 'fails' | 'unsure';
  /** What is in the block, of a data block that decodes. */
  totals?: TableTotals;
}

/** A block, and where the index has it when it is a data block. */
export interface TriedBlock {
  handle: BlockHandle;
  position?: number;
}

/**
 * Checks a table again with bits put back: the block itself and its neighbours, and for metadata all that rests on it. What
 * the unit has found with the bits as they are, `before`, is not reported.
 */
export async function tryTable(
  inner: ByteSource,
  unit: TableContext,
  before: UnitResult,
  { handle, position }: TriedBlock,
  changes: readonly BitChange[],
): Promise<TableTrial> {
  const source = new FlippedSource(inner, changes);
  const context: TableContext = { ...unit, depth: 'full', orphan: false };
  if (position !== undefined) context.blocks = { from: Math.max(0, position - 1), to: position + 2 };
  else if (inner.size <= CHECKED_WHOLE) delete context.blocks;
  else context.blocks = { from: 0, to: FIRST_BLOCKS };
  const verdict = judge(await checkTable(source, context), before, handle, position !== undefined);
  if (position === undefined || verdict !== 'decodes') return { verdict };
  const only = await checkTable(source, { ...context, blocks: { from: position, to: position + 1 } });
  const totals = only.facts.kind === 'table' ? only.facts.totals : undefined;
  return totals === undefined ? { verdict } : { verdict, totals };
}

function judge(
  { findings, unchecked }: UnitResult,
  before: UnitResult,
  handle: BlockHandle,
  isData: boolean,
): TableTrial['verdict'] {
  const touches = ({ offset, length }: { offset?: number; length?: number }) =>
    offset !== undefined &&
    offset < handle.offset + handle.size + BLOCK_TRAILER &&
    offset + Math.max(length ?? 0, 1) > handle.offset;
  const known = new Set(before.findings.map(nameOf));
  if (findings.some((f) => touches(f) && !ABOUT_THE_FILE.has(f.rule))) return 'fails';
  if (unchecked.some(touches)) return 'unsure';
  // with metadata back in place more of the table can be checked, and more damage found in it
  const isNews = (f: Finding) =>
    !known.has(nameOf(f)) && (isData || f.rule !== 'sst/block-checksum') && !ABOUT_THE_FILE.has(f.rule);
  return findings.some(isNews) ? 'unsure' : 'decodes';
}

const nameOf = ({ rule, offset }: Finding) => `${rule}@${offset}`;
