import type { ByteSource } from '../../bytes/source.js';
import { type RuleId, ruleOf } from '../../finding/catalog.js';
import type { EvidenceValue } from '../../finding/evidence.js';
import type { Finding } from '../../finding/finding.js';
import { BatchTally } from '../../format/batch/tally.js';
import { verifyBatch } from '../../format/batch/verify.js';
import { MAX_RECORD } from '../../format/wal/assembly.js';
import type { Damage } from '../../format/wal/damage.js';
import {
  decodeCompression,
  decodePredecessor,
  decodeTimestampSizes,
  WAL_ZSTD,
} from '../../format/wal/metadata.js';
import { WalEvent, WalParser } from '../../format/wal/parser.js';
import { u32At } from '../../format/wal/physical.js';
import { RecordKind } from '../../format/wal/types.js';
import type { Unchecked, UnitResult, WalContext, WalFacts } from '../unit.js';
import { batchFinding } from './batch.js';
import { damageFinding } from './damage.js';
import { sequenceRange } from './evidence.js';
import { SequenceTrack, type Step } from './sequence.js';
import { judgeTail } from './tail.js';

/** More findings about one file say nothing new; they are counted. */
const MAX_FINDINGS = 10_000;

/** Gaps that are listed one by one. */
const MAX_GAPS = 8;

/** A finding whose evidence waits for what comes behind it. */
interface Waiting {
  finding: Finding;
  /** Whole batches before it. */
  batches: number;
  /** The number that should have come next when the parser met it. */
  expected?: bigint;
  following?: { offset: number; sequence: bigint };
}

class WalCheck {
  readonly findings: Finding[] = [];
  readonly unchecked: Unchecked[] = [];
  private readonly parser: WalParser;
  private readonly tally = new BatchTally();
  private readonly sequence = new SequenceTrack();
  private readonly facts: WalFacts;
  private readonly waiting: Waiting[] = [];
  /** How many of `waiting` know what follows them. */
  private answered = 0;
  private batches = 0;
  private timestampSizes: ReadonlyMap<number, number> = new Map();
  private readonly gaps: { offset: number; missing: bigint; from: bigint }[] = [];
  private gapCount = 0;
  private dropped = 0;

  constructor(
    private readonly source: ByteSource,
    private readonly context: WalContext,
  ) {
    this.parser = new WalParser(source, {
      number: context.number,
      checksums: context.depth !== 'structure',
    });
    this.facts = {
      kind: 'wal',
      file: context.file,
      number: context.number,
      size: source.size,
      physicalRecords: 0,
      records: 0,
      end: 0,
      tail: 'clean',
      tailOffset: 0,
      recyclable: false,
      compressed: false,
      columnFamilies: [],
      transactions: false,
      sequencePerBatch: false,
    };
  }

  async run(): Promise<UnitResult> {
    const { parser } = this;
    for (;;) {
      switch (parser.step()) {
        case WalEvent.more:
          await parser.load();
          break;
        case WalEvent.record:
          if (!this.record()) await this.badRecord();
          break;
        case WalEvent.metadata:
          await this.metadata();
          break;
        case WalEvent.damage:
          await this.damage(parser.damage!);
          break;
        default:
          return this.finish();
      }
    }
  }

  /** A whole logical record. False: it has something wrong that is worth a second, slower look. */
  private record(): boolean {
    const { record } = this.parser;
    const { facts, tally } = this;
    facts.records++;
    facts.end = record.endOffset;
    if (record.oversized) {
      const reason = `a record of more than ${MAX_RECORD} bytes is checksummed, but not decoded`;
      const length = record.endOffset - record.offset;
      this.unchecked.push({ file: this.context.file, reason, offset: record.offset, length });
      return true;
    }
    if (record.decompressionError !== undefined) return false;
    if (this.context.depth === 'full') {
      if (!verifyBatch(record.bytes, record.start, record.end, tally)) return false;
    } else if (!this.headerOnly()) {
      return false;
    }
    this.batches++;
    if (tally.transactional) facts.transactions = true;
    if (tally.sequencePerBatch) facts.sequencePerBatch = true;
    const step = this.sequence.take(tally);
    if (step === 'first') facts.firstSequence = tally.sequence;
    if (this.answered < this.waiting.length) this.answer();
    else if (step !== 'next' && step !== 'first') this.odd(step);
    return true;
  }

  /** Reads the sequence of a batch without walking it. */
  private headerOnly(): boolean {
    const { bytes, start, end } = this.parser.record;
    if (end - start < 12) return false;
    const { tally } = this;
    tally.sequenceLow = u32At(bytes, start);
    tally.sequenceHigh = u32At(bytes, start + 4);
    tally.count = u32At(bytes, start + 8);
    return tally.sequenceHigh < 2 ** 24;
  }

  private async badRecord(): Promise<void> {
    if (this.full()) return;
    const { record } = this.parser;
    if (record.decompressionError !== undefined) {
      const damage: Damage = {
        reason: 'decompression',
        offset: record.offset,
        length: record.endOffset - record.offset,
        detail: record.decompressionError,
        orphans: 0,
        inShortBlock: false,
        ...(record.fragments > 1 && { recordOffset: record.offset }),
      };
      await this.damage(damage);
      return;
    }
    const finding = await batchFinding(this.source, this.context.file, record, this.timestampSizes);
    if (finding !== undefined) this.addDamage(finding);
  }

  private async metadata(): Promise<void> {
    const { parser } = this;
    const { record } = parser;
    const payload = record.bytes.subarray(record.start, record.end);
    const error = this.takeMetadata(payload);
    if (error === undefined) return;
    await this.damage({
      reason: 'metadata',
      offset: record.offset,
      length: record.endOffset - record.offset,
      detail: error,
      orphans: 0,
      inShortBlock: false,
    });
  }

  /** What RocksDB says when the payload does not decode. */
  private takeMetadata(payload: Uint8Array): string | undefined {
    const { facts, parser } = this;
    const { record } = parser;
    if (parser.metadataKind === RecordKind.compression) {
      const { value, error } = decodeCompression(payload);
      parser.compressed = value === WAL_ZSTD;
      return error;
    }
    if (parser.metadataKind === RecordKind.timestampSizes) {
      const { value, error } = decodeTimestampSizes(payload, this.timestampSizes);
      if (value !== undefined) {
        this.timestampSizes = value;
        this.tally.timestampSizes = value.size > 0 ? value : undefined;
      }
      return error;
    }
    if (parser.metadataKind === RecordKind.predecessor) {
      const { value, error } = decodePredecessor(payload);
      const length = record.endOffset - record.offset;
      if (value !== undefined) facts.predecessor = { ...value, offset: record.offset, length };
      return error;
    }
    this.add('wal/ignorable-record', record.offset, record.endOffset - record.offset, {
      message: `A record of type ${parser.metadataType} and ${payload.length} bytes`,
      evidence: { type: parser.metadataType },
    });
    return undefined;
  }

  private async damage(damage: Damage): Promise<void> {
    if (this.full()) return;
    const finding = await damageFinding(this.source, this.context.file, damage);
    if (damage.reason === 'trailer' || damage.reason === 'zero-gap') this.findings.push(finding);
    else this.addDamage(finding);
  }

  /** There is no room for another finding, which is counted. */
  private full(): boolean {
    if (this.findings.length < MAX_FINDINGS) return false;
    this.dropped++;
    return true;
  }

  /** A finding that the batches behind it are evidence for. */
  private addDamage(finding: Finding): void {
    this.facts.firstDamage ??= finding.offset;
    this.findings.push(finding);
    const { sequence, batches } = this;
    this.waiting.push({ finding, batches, ...(sequence.started && { expected: sequence.next }) });
  }

  private answer(): void {
    const following = { offset: this.parser.record.offset, sequence: this.tally.sequence };
    while (this.answered < this.waiting.length) this.waiting[this.answered++].following = following;
  }

  /** A step of the sequence numbers that no damage explains. */
  private odd(step: Exclude<Step, 'first' | 'next'>): void {
    const { record } = this.parser;
    const { tally } = this;
    const { previous, previousNext: before } = this.sequence;
    if (step === 'gap') {
      if (this.facts.transactions) return;
      this.gapCount++;
      if (this.gaps.length < MAX_GAPS)
        this.gaps.push({ offset: record.offset, from: before, missing: tally.sequence - before });
      return;
    }
    const message =
      step === 'backwards'
        ? `The batch has sequence ${tally.sequence}, the one before it ${previous}`
        : `The batch has sequence ${tally.sequence}, the one before it goes up to ${before - 1n}`;
    this.add(`sequence/${step}`, record.offset, record.endOffset - record.offset, {
      message,
      evidence: { sequence: String(tally.sequence), previousSequence: String(previous) },
    });
  }

  private add(
    rule: RuleId,
    offset: number,
    length: number,
    about: { message: string; evidence: Record<string, EvidenceValue> },
  ): void {
    if (this.full()) return;
    const { file } = this.context;
    this.findings.push({ rule, severity: ruleOf(rule).severity, file, offset, length, ...about });
  }

  private async finish(): Promise<UnitResult> {
    const { context, facts, parser, sequence } = this;
    const tail = parser.tail!;
    const state = {
      style: parser.style === 'unknown' && context.recycling ? ('recyclable' as const) : parser.style,
      compressed: parser.compressed,
      logNumber: parser.foreignLogNumber ?? Number(BigInt.asUintN(32, context.number)),
      ...(sequence.started && { lastSequence: sequence.last }),
    };
    const verdict = await judgeTail(this.source, context.file, tail, state);
    if (verdict.finding !== undefined) this.findings.push(verdict.finding);
    facts.size = parser.size;
    facts.tail = verdict.tail;
    facts.tailOffset = tail.offset;
    facts.physicalRecords = parser.physicalRecords;
    facts.recyclable = parser.style === 'recyclable';
    facts.compressed = parser.compressed;
    facts.columnFamilies = this.tally.columnFamilies();
    if (sequence.started) {
      facts.lastSequence = sequence.last;
      facts.nextSequence = sequence.next;
    }
    for (const each of this.waiting) this.conclude(each);
    this.reportGaps();
    if (facts.recyclable && context.number >= 1n << 32n)
      this.add('wal/number-too-large', 0, facts.end, {
        message: `The log's number, ${context.number}, does not fit the 32 bits that its records have for it`,
        evidence: { logNumber: state.logNumber },
      });
    if (this.dropped > 0) {
      const reason = `${this.dropped} more findings are not listed`;
      this.unchecked.push({ file: context.file, reason });
    }
    return { findings: this.findings, unchecked: this.unchecked, facts, bytesRead: parser.size };
  }

  /** Damage or the end: what lies behind it tells. */
  private conclude({ finding, batches, expected, following }: Waiting): void {
    const { evidence } = finding;
    const count = this.batches - batches;
    if (following === undefined) {
      evidence.following = 'no whole batch';
      return;
    }
    evidence.followingOffset = following.offset;
    evidence.followingSequence = String(following.sequence);
    evidence.proof =
      `${count} whole ${count === 1 ? 'batch' : 'batches'}, sequences ` +
      `${sequenceRange(following.sequence, this.sequence.last)}, follow: damage, not a crash tail`;
    if (expected === undefined || this.facts.transactions) return;
    const missing = following.sequence - expected;
    if (missing > 0n) evidence.sequencesMissing = sequenceRange(expected, following.sequence - 1n);
  }

  private reportGaps(): void {
    if (this.gapCount === 0 || this.facts.transactions) return;
    const [first] = this.gaps;
    const more = this.gapCount > 1 ? `, and ${this.gapCount - 1} more such gaps` : '';
    this.add('sequence/gap', first.offset, 0, {
      message: `Sequences ${sequenceRange(first.from, first.from + first.missing - 1n)} are not in the log${more}`,
      evidence: {
        gaps: this.gapCount,
        places: this.gaps.map(({ offset, from, missing }) => ({
          offset,
          sequences: sequenceRange(from, from + missing - 1n),
        })),
      },
    });
  }
}

/**
 * Checks one WAL: framing, checksums, and at full depth every operation of every batch; the order of sequence numbers; how
 * it ends. Severities are the rules' own: whether a torn tail or a hole matters depends on the recovery mode and on the
 * other files, which is not decided here. Reads front to back in two buffers of 1 MiB; a record of several fragments is
 * put together up to 64 MiB.
 */
export function checkWal(source: ByteSource, context: WalContext): Promise<UnitResult> {
  return new WalCheck(source, context).run();
}
