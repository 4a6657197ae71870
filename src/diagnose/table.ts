import type { ByteSource } from '../bytes/source.js';
import { checkTable } from '../check/sst/table.js';
import type { TableContext, TableTotals, UnitResult } from '../check/unit.js';
import type { Cause, Finding } from '../finding/finding.js';
import { CHECKSUM, contextModifier, rawChecksum, storedChecksum } from '../format/sst/checksum.js';
import { BLOCK_TRAILER, type BlockHandle } from '../format/sst/handle.js';
import { openTable, type Table } from '../format/sst/table.js';
import { searchBlock } from './block-flips.js';
import { FlippedSource } from './flipped-source.js';
import { type Flip, type FlipSearch, flipText, isConclusive } from './flips.js';
import { footerCause } from './footer.js';
import { patternOf } from './pattern.js';
import { blockImpact } from './table-impact.js';
import { offsetText } from './words.js';

/** A whole table up to this size is checked again for a bit in its metadata; of a larger one, the first blocks. Bytes. */
const CHECKED_WHOLE = 32 << 20;
const FIRST_BLOCKS = 64;
/** Larger blocks are not searched. Bytes. */
const LONGEST_BLOCK = 64 << 20;

/** Rules whose findings say of the table which file it is, not what its bytes are like. */
const ABOUT_THE_FILE = new Set(['sst/wrong-file', 'sst/manifest-mismatch']);

/** Rules about what stands in a block, which are asked only where its checksum holds or there is none. */
const CONTENT_RULES = new Set([
  'sst/decompression',
  'sst/bad-block',
  'sst/bad-entry',
  'sst/bad-restart',
  'sst/bad-key',
  'sst/key-order',
  'sst/hash-index',
  'sst/bad-hash-index',
  'sst/filter-misses-key',
  'sst/bad-filter',
  'sst/bad-blob-index',
  'sst/bad-value',
  'sst/bad-metaindex',
  'sst/bad-property',
  'sst/bad-range-tombstone',
  'sst/bad-separator',
  'sst/wrong-count',
  'sst/wrong-size',
]);

/** What putting a bit back comes to. */
interface Trial {
  /** `decodes`: the block is fine then, and nothing around it is worse. `unsure`: not all of it could be looked at. */
  verdict: 'decodes' | 'fails' | 'unsure';
  totals?: TableTotals;
}

/** Finds causes for what a check has found in one table. */
export class TableDiagnosis {
  private table: Promise<Table> | undefined;

  constructor(
    private readonly source: ByteSource,
    private readonly context: TableContext,
    private readonly result: UnitResult,
  ) {}

  /** Sets cause and impact of a finding, where the bytes tell. */
  async diagnose(finding: Finding): Promise<void> {
    switch (finding.rule) {
      case 'sst/block-checksum':
        await this.block(finding);
        return;
      case 'sst/bad-magic':
      case 'sst/bad-footer':
      case 'sst/footer-checksum':
        finding.cause = footerCause(finding);
        return;
      default:
        if (CONTENT_RULES.has(finding.rule)) finding.cause = await this.content();
    }
  }

  /** Content that contradicts itself where a checksum vouches for it, or where none does. */
  private async content(): Promise<Cause | undefined> {
    const { space } = await this.open();
    if (space === undefined) return undefined;
    if (space.checksumType !== CHECKSUM.none) {
      return {
        kind: 'software',
        certainty: 'likely',
        detail:
          'this was wrong before its checksum was computed: the program that wrote the table, or its memory, did it',
        basis: 'the checksum of the block holds, so the disk gave back what it was given',
      };
    }
    return {
      kind: 'garbage',
      certainty: 'possible',
      detail: 'the blocks of the table have no checksums, so that a disk cannot be told from a program here',
    };
  }

  private open(): Promise<Table> {
    this.table ??= openTable(this.source, { comparator: this.context.comparator });
    return this.table;
  }

  private async block(finding: Finding): Promise<void> {
    const { blockOffset: offset, blockSize: size, block: kind } = finding.evidence;
    const table = await this.open();
    const { space } = table;
    if (typeof offset !== 'number' || typeof size !== 'number' || space === undefined) return;
    const handle = { offset, size };
    const position = kind === 'data' ? positionOf(table, handle) : undefined;
    finding.impact = blockImpact(table, this.context, String(kind), position);
    if (size > LONGEST_BLOCK) return;
    const bytes = new Uint8Array(size + BLOCK_TRAILER);
    if ((await this.source.read(bytes, offset)) < bytes.length) return;
    const search = searchBlock(space, bytes, offset);
    const [flip] = search.flips;
    if (flip !== undefined) {
      const trial = await this.try(search.flips[0], handle, position);
      if (trial.totals !== undefined && trial.verdict === 'decodes')
        finding.impact = blockImpact(table, this.context, String(kind), position, trial.totals);
      finding.cause = bitFlip(search, trial.verdict);
      if (finding.cause !== undefined) return;
    }
    finding.cause =
      this.misplaced(table, bytes, handle) ??
      (await patternOf(this.source, { offset, length: bytes.length })) ??
      unexplained(search);
  }

  /** Checks the table again with the bit put back: the block itself, its neighbours, and for metadata all that rests on it. */
  private async try(flip: Flip, handle: BlockHandle, position: number | undefined): Promise<Trial> {
    const source = new FlippedSource(this.source, [flip]);
    const context: TableContext = { ...this.context, depth: 'full', orphan: false };
    const whole = this.source.size <= CHECKED_WHOLE;
    if (position !== undefined) context.blocks = { from: Math.max(0, position - 1), to: position + 2 };
    else if (whole) delete context.blocks;
    else context.blocks = { from: 0, to: FIRST_BLOCKS };
    const result = await checkTable(source, context);
    const verdict = this.judge(result, handle, position !== undefined);
    if (position === undefined || verdict !== 'decodes') return { verdict };
    const only = await checkTable(source, { ...context, blocks: { from: position, to: position + 1 } });
    const { totals } = only.facts as Extract<typeof only.facts, { kind: 'table' }>;
    return totals === undefined ? { verdict } : { verdict, totals };
  }

  private judge(result: UnitResult, handle: BlockHandle, isData: boolean): Trial['verdict'] {
    const touches = ({ offset, length }: { offset?: number; length?: number }) =>
      offset !== undefined &&
      offset < handle.offset + handle.size + BLOCK_TRAILER &&
      offset + Math.max(length ?? 0, 1) > handle.offset;
    const known = new Set(this.result.findings.map(nameOf));
    const { findings, unchecked } = result;
    if (findings.some((f) => touches(f) && !ABOUT_THE_FILE.has(f.rule))) return 'fails';
    if (unchecked.some(touches)) return 'unsure';
    // with metadata back in place more of the table can be checked, and more damage found in it
    const isNews = (f: Finding) =>
      !known.has(nameOf(f)) && (isData || f.rule !== 'sst/block-checksum') && !ABOUT_THE_FILE.has(f.rule);
    return findings.some(isNews) ? 'unsure' : 'decodes';
  }

  /** From format version 6 on a checksum also says where its block belongs. */
  private misplaced(table: Table, bytes: Uint8Array, handle: BlockHandle): Cause | undefined {
    const { space, index } = table;
    if (space === undefined || space.baseContext === 0 || index === undefined) return undefined;
    const raw = rawChecksum(space.checksumType, bytes, 0, handle.size + 1);
    const modifier = (storedChecksum(bytes, handle.size) - raw) >>> 0;
    const belongs = (modifier ^ space.baseContext) >>> 0;
    const size = sizeOfBlockAt(table, belongs);
    if (size !== handle.size || contextModifier(space.baseContext, belongs) !== modifier) return undefined;
    return {
      kind: 'misplaced',
      certainty: 'proven',
      detail: `the block that belongs at ${offsetText(belongs)} of this table stands here: a write went to the wrong place`,
      basis: 'its checksum, which depends on the place, holds for that one',
    };
  }
}

const nameOf = ({ rule, offset }: Finding) => `${rule}@${offset}`;

/** Where a data block stands in the index; undefined when the index does not name it. */
function positionOf({ index }: Table, { offset, size }: BlockHandle): number | undefined {
  if (index === undefined) return undefined;
  for (let i = 0; i < index.count; i++) {
    if (index.offset(i) === offset && index.size(i) === size) return i;
  }
  return undefined;
}

function sizeOfBlockAt({ index, blocks }: Table, offset: number): number | undefined {
  const named = blocks.find(({ handle }) => handle.offset === offset);
  if (named !== undefined || index === undefined) return named?.handle.size;
  for (let i = 0; i < index.count; i++) if (index.offset(i) === offset) return index.size(i);
  return undefined;
}

/** A flipped bit as the cause, as sure as the search and the trial make it; undefined when the block is no better for it. */
function bitFlip(search: FlipSearch, verdict: Trial['verdict']): Cause | undefined {
  if (verdict === 'fails') return undefined;
  const [flip] = search.flips;
  const proven = verdict === 'decodes' && isConclusive(search);
  const then =
    verdict === 'decodes'
      ? 'the block decodes and fits its neighbours when it is flipped back'
      : 'what the block holds could not all be checked with the bit flipped back';
  return {
    kind: 'bit-flip',
    certainty: proven ? 'proven' : 'likely',
    detail: flipText(flip),
    basis: `${search.method}; ${then}`,
    ...(proven ? { changes: [{ offset: flip.offset, bit: flip.bit }], restores: true } : {}),
  };
}

function unexplained(search: FlipSearch): Cause {
  const detail =
    search.skipped === undefined
      ? 'more than one bit of the block is wrong, in no pattern that tells why'
      : `${search.skipped}; nothing else tells why the block is wrong`;
  return { kind: 'garbage', certainty: 'possible', detail };
}
