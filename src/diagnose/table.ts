import type { ByteSource } from '../bytes/source.js';
import type { TableContext, UnitResult } from '../check/unit.js';
import type { Cause, Finding, Range } from '../finding/finding.js';
import { offsetText } from '../finding/quantity.js';
import { CHECKSUM, contextModifier, rawChecksum, storedChecksum } from '../format/sst/checksum.js';
import { BLOCK_TRAILER, type BlockHandle } from '../format/sst/handle.js';
import { COLLECTED_PROPERTIES } from '../format/sst/properties.js';
import { openTable, type Table } from '../format/sst/table.js';
import { searchBlock, searchBlockBytes, searchBlockPairs } from './block-flips.js';
import { type Flip, type FlipSearch, flipText, isConclusive, pairCause } from './flips.js';
import { footerCause, lostFooterCause } from './footer.js';
import { rebuildFooter } from './footer-rebuild.js';
import { footerVersionCause } from './footer-version.js';
import { type ByteCandidate, overwrittenByte } from './overwritten-byte.js';
import { paddingCause, patternOf, sectorsOf } from './pattern.js';
import { blockImpact } from './table-impact.js';
import { type TableTrial, type TriedBlock, tryTable } from './table-trial.js';

/** In a longer block a run of zeros or of another byte speaks against one flipped bit. Bytes. */
const MANY_BYTES = 64 << 10;
/** Larger blocks are not searched. Bytes. */
const LONGEST_BLOCK = 64 << 20;

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
  'blob/value-order',
  'sst/bad-value',
  'sst/bad-metaindex',
  'sst/bad-property',
  'sst/bad-range-tombstone',
  'sst/bad-separator',
  'sst/bad-handle',
  'sst/bad-dictionary',
  'sst/missing-index',
  'sst/missing-properties',
  'sst/global-sequence',
  'sst/undeclared-compression',
  'sst/wrong-count',
  'sst/wrong-size',
]);

const FOOTER_CAUSE: Cause = {
  kind: 'garbage',
  certainty: 'possible',
  detail:
    'more than one bit at the end of the table is wrong, and what stood there does not follow from the rest',
};

const IN_DOUBT: Cause = {
  kind: 'garbage',
  certainty: 'possible',
  detail:
    'the footer, which says how the blocks are protected, is damaged or in doubt: this may follow from it',
};

/** Finds causes for what a check has found in one table. */
export class TableDiagnosis {
  private table: Promise<Table> | undefined;
  private readonly footerInDoubt: boolean;

  constructor(
    private readonly source: ByteSource,
    private readonly context: TableContext,
    private readonly result: UnitResult,
  ) {
    this.footerInDoubt = isFooterInDoubt(result.findings);
  }

  /** Sets cause and impact of a finding, where the bytes tell. */
  async diagnose(finding: Finding): Promise<void> {
    const { rule, offset, length } = finding;
    switch (rule) {
      case 'sst/block-checksum':
        await this.block(finding);
        return;
      case 'sst/bad-magic':
      case 'sst/bad-footer':
      case 'sst/footer-checksum':
      case 'sst/truncated':
      case 'sst/zeroed':
        setCause(finding, await this.footer(finding));
        return;
      case 'sst/gap':
        if (offset !== undefined && length !== undefined)
          setCause(finding, await paddingCause(this.source, { offset, length }));
        return;
      default:
        if (CONTENT_RULES.has(rule)) setCause(finding, await this.content());
    }
  }

  /** Content that contradicts itself where a checksum vouches for it, or where none does. */
  private async content(): Promise<Cause | undefined> {
    const { space } = await this.open();
    // where a block is damaged, sums and references that rest on it say nothing of their own
    if (space === undefined || this.result.findings.some(isDamagedMetadata)) return undefined;
    if (space.checksumType === CHECKSUM.none) {
      const detail =
        'the blocks of the table have no checksums, so that a disk cannot be told from a program here';
      return { kind: 'garbage', certainty: 'possible', detail };
    }
    return {
      kind: 'software',
      certainty: 'likely',
      detail:
        'this was wrong before its checksum was computed: the program that wrote the table, or its memory, did it',
      basis: 'the checksum of the block holds, so the disk gave back what it was given',
    };
  }

  private async footer(finding: Finding): Promise<Cause | undefined> {
    const byVersion =
      finding.rule === 'sst/bad-footer' && (await footerVersionCause(this.source, this.context));
    const known = footerCause(finding) ?? (byVersion || (await this.lostFooter()));
    // a table that ends without a footer was cut, which the MANIFEST tells better
    if (known !== undefined || finding.rule === 'sst/truncated') return known;
    return (await patternOf(this.source, this.end())) ?? FOOTER_CAUSE;
  }

  /** The last page, or all of a smaller table. */
  private end(): Range {
    const length = Math.min(this.source.size, 4096);
    return { offset: this.source.size - length, length };
  }

  /** A footer that is written over, in a file that has its size. */
  private async lostFooter(): Promise<Cause | undefined> {
    const { live } = this.context;
    if (live !== undefined && live.size !== BigInt(this.source.size)) return undefined;
    const right = await rebuildFooter(this.source);
    return right && lostFooterCause(this.source, right);
  }

  private open(): Promise<Table> {
    this.table ??= openTable(this.source, {
      dialect: this.context.dialect,
      comparator: this.context.comparator,
    });
    return this.table;
  }

  private async block(finding: Finding): Promise<void> {
    const { blockOffset: offset, blockSize: size } = finding.evidence;
    const kind = String(finding.evidence.block);
    const table = await this.open();
    const { space } = table;
    if (typeof offset !== 'number' || typeof size !== 'number' || space === undefined) return;
    const handle = { offset, size };
    const position = kind === 'data' ? positionOf(table, handle) : undefined;
    const block: TriedBlock = { handle, ...(position !== undefined && { position }) };
    finding.impact = blockImpact(table, this.context, kind, position);
    if (this.footerInDoubt) {
      finding.cause = IN_DOUBT;
      return;
    }
    if (size > LONGEST_BLOCK) return;
    const bytes = new Uint8Array(size + BLOCK_TRAILER);
    if ((await this.source.read(bytes, offset)) < bytes.length) return;
    if (kind === 'properties') withoutGlobalSequence(table, bytes);
    const search = searchBlock(space, bytes, offset);
    const found = await this.oneBit(search, block);
    if (found !== undefined) {
      finding.cause = found.cause;
      // noise within one long value decodes as well, and in so many bits one fits by chance now and then
      if (bytes.length > MANY_BYTES && (await sectorsOf(this.source, { offset, length: bytes.length }))) {
        const { changes: _, restores: __, ...unsure } = found.cause;
        finding.cause = { ...unsure, certainty: 'likely' };
      }
      if (found.trial.totals !== undefined)
        finding.impact = blockImpact(table, this.context, kind, position, found.trial.totals);
      return;
    }
    finding.cause =
      misplaced(table, bytes, handle) ??
      (await sectorsOf(this.source, { offset, length: bytes.length })) ??
      (await this.oneByte(searchBlockBytes(space, bytes, offset), block)) ??
      (await this.twoBits(searchBlockPairs(space, bytes, offset), block)) ??
      (await patternOf(this.source, { offset, length: bytes.length })) ??
      unexplained(search);
  }

  private async oneBit(
    search: FlipSearch,
    block: TriedBlock,
  ): Promise<{ cause: Cause; trial: TableTrial } | undefined> {
    for (const flip of search.flips) {
      const trial = await this.try([flip], block);
      if (trial.verdict !== 'fails') return { cause: bitFlip(flip, search, trial.verdict), trial };
    }
    return undefined;
  }

  private oneByte(candidates: readonly ByteCandidate[], block: TriedBlock): Promise<Cause | undefined> {
    return overwrittenByte(candidates, block.handle.size + BLOCK_TRAILER, async (changes) => {
      const { verdict } = await tryTable(this.source, this.context, this.result, block, changes);
      return verdict;
    });
  }

  private async twoBits(pairs: readonly [Flip, Flip][], block: TriedBlock): Promise<Cause | undefined> {
    const decoding: [Flip, Flip][] = [];
    for (const pair of pairs) {
      if ((await this.try(pair, block)).verdict === 'decodes') decoding.push(pair);
    }
    return pairCause(decoding, block.handle.size, 'the block decodes');
  }

  private try(flips: readonly Flip[], block: TriedBlock): Promise<TableTrial> {
    return tryTable(this.source, this.context, this.result, block, flips);
  }
}

function setCause(finding: Finding, cause: Cause | undefined): void {
  if (cause !== undefined) finding.cause = cause;
}

/**
 * A footer with several wrong bits is read as it is. A wrong bit in its base of the checksums is then a wrong bit in the
 * checksum of every block, and a wrong checksum type makes the metaindex and all others fail.
 */
function isFooterInDoubt(findings: readonly Finding[]): boolean {
  const isFooter = ({ rule }: Finding) => rule === 'sst/bad-footer' || rule === 'sst/footer-checksum';
  if (findings.some((finding) => isFooter(finding) && finding.evidence.changes === undefined)) return true;
  const blocks = findings
    .filter(({ rule }) => rule === 'sst/block-checksum')
    .map(({ evidence }) => evidence.block);
  return blocks.includes('metaindex') && blocks.length > 2;
}

function isDamagedMetadata({ rule, evidence }: Finding): boolean {
  return rule === 'sst/block-checksum' && evidence.block !== 'data';
}

/**
 * Ingestion writes 8 bytes of a property in place and leaves the checksum as it was, so that the search has to begin with
 * zeros there. Bits of those bytes are then not found: no checksum covers them any more.
 */
function withoutGlobalSequence({ properties, space }: Table, bytes: Uint8Array): void {
  const place = properties?.place(COLLECTED_PROPERTIES.globalSequence);
  const stored = bytes.length > BLOCK_TRAILER && bytes[bytes.length - BLOCK_TRAILER] === 0;
  if (place?.length !== 8 || !stored || space === undefined) return;
  bytes.fill(0, place.offset, place.offset + place.length);
}

/** From format version 6 on a checksum also says where its block belongs. */
function misplaced(table: Table, bytes: Uint8Array, handle: BlockHandle): Cause | undefined {
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

/** A flipped bit as the cause, as sure as the search and the trial make it. */
function bitFlip(flip: Flip, search: FlipSearch, verdict: TableTrial['verdict']): Cause {
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
