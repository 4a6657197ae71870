import type { ByteSource } from '../../bytes/source.js';
import type { RuleId } from '../../finding/catalog.js';
import type { EvidenceValue } from '../../finding/evidence.js';
import type { Finding, Range } from '../../finding/finding.js';
import { findingAt } from '../../finding/finding-at.js';
import { BatchTally } from '../../format/batch/tally.js';
import { verifyBatch } from '../../format/batch/verify.js';
import { MAX_RECORD } from '../../format/log/assembly.js';
import type { Damage, Tail } from '../../format/log/damage.js';
import type { LogMetadata } from '../../format/log/metadata.js';
import { LogParser } from '../../format/log/parser.js';
import { readLog } from '../../format/log/read.js';
import type { Unchecked, UnitResult, WalContext, WalFacts } from '../unit.js';
import { batchFinding } from './batch.js';
import { damageFinding } from './damage.js';
import { sequenceRange } from './evidence.js';
import { Following } from './following.js';
import { logState } from './plausible.js';
import { type SequenceStep, SequenceTrack } from './sequence.js';
import { judgeTail } from './tail.js';

/** Gaps that are listed one by one. */
const LISTED = 8;

/** Holes in a log's sequence numbers that no damage explains. They are legal, so all of them make one finding. */
class Gaps {
  private readonly places: { offset: number; length: number; from: bigint; to: bigint }[] = [];
  private total = 0;

  /** Numbers `from` to `to`, both included, are missing before a record. */
  add({ offset, length }: Range, from: bigint, to: bigint): void {
    this.total++;
    if (this.places.length < LISTED) this.places.push({ offset, length, from, to });
  }

  /** What a finding says of them; `undefined` when there are none. */
  summary():
    | { offset: number; length: number; message: string; evidence: Record<string, EvidenceValue> }
    | undefined {
    if (this.total === 0) return undefined;
    const [{ offset, length, from, to }] = this.places;
    const more = this.total - 1;
    const others = more === 0 ? '' : `, and ${more} more such ${more === 1 ? 'gap' : 'gaps'}`;
    const places = this.places.map((place) => ({
      offset: place.offset,
      sequences: sequenceRange(place.from, place.to),
    }));
    return {
      offset,
      length,
      message: `${from === to ? 'Sequence' : 'Sequences'} ${sequenceRange(from, to)} ${from === to ? 'is' : 'are'} not in the log${others}`,
      evidence: { gaps: this.total, places },
    };
  }
}

/** More findings about one file say nothing new; they are counted. */
const MAX_FINDINGS = 10_000;

class WalCheck {
  readonly findings: Finding[] = [];
  readonly unchecked: Unchecked[] = [];
  private readonly parser: LogParser;
  private readonly tally = new BatchTally();
  private readonly sequence = new SequenceTrack();
  private readonly facts: WalFacts;
  private readonly following = new Following();
  private readonly gaps = new Gaps();
  private dropped = 0;
  /** The last batch that skipped numbers: should they go on where they were, it was wrong. */
  private leap: (Range & { expected: bigint }) | undefined;

  constructor(
    private readonly source: ByteSource,
    private readonly context: WalContext,
  ) {
    this.parser = new LogParser(source, {
      dialect: context.dialect,
      number: context.number,
      checksums: context.depth !== 'structure',
    });
    this.facts = {
      kind: 'wal',
      dialect: context.dialect,
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
    const tail = await readLog(this.parser, {
      record: () => (this.record() ? undefined : this.badRecord()),
      metadata: (metadata) => this.metadata(metadata),
      damage: (damage) => this.damage(damage),
    });
    return this.finish(tail!);
  }

  /** A whole logical record. False: it has something wrong that is worth a second, slower look. */
  private record(): boolean {
    const { record } = this.parser;
    const { facts, tally } = this;
    facts.records++;
    facts.end = record.endOffset;
    if (record.oversized) {
      const reason = `a record of more than ${MAX_RECORD >> 20} MiB is checksummed, but not decoded`;
      const length = record.endOffset - record.offset;
      this.unchecked.push({ file: this.context.file, reason, offset: record.offset, length });
      return true;
    }
    if (record.decompressionError !== undefined) return false;
    // Walking a batch costs less than its checksum, and only a walk tells of transactions; but what no checksum vouches
    // for is not accused.
    if (!verifyBatch(record.bytes, record.start, record.end, tally, this.parser.engine.batch))
      return this.context.depth === 'structure';
    this.following.count();
    if (tally.transactional) facts.transactions = true;
    if (tally.sequencePerBatch) facts.sequencePerBatch = true;
    const step = this.sequence.take(tally);
    if (step === 'first') facts.firstSequence = tally.sequence;
    if (this.following.open) {
      this.following.answer(record.offset, tally.sequence);
      // lost records leave a gap, and LevelDB writes on from what it could read: what goes back stood here before
      if (step === 'backwards' && this.context.dialect === 'leveldb') this.odd(step);
    } else if (step !== 'next' && step !== 'first') this.odd(step);
    return true;
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
    const { timestampSizes } = this.parser;
    const finding = await batchFinding(this.source, this.context, record, timestampSizes);
    if (finding !== undefined) this.addDamage(finding);
  }

  private async metadata(metadata: LogMetadata): Promise<void> {
    const { facts, parser, tally } = this;
    const { record, timestampSizes } = parser;
    const { offset } = record;
    const length = record.endOffset - offset;
    if (metadata.error !== undefined) {
      await this.damage({
        reason: 'metadata',
        offset,
        length,
        detail: metadata.error,
        orphans: 0,
        inShortBlock: false,
      });
    } else if (metadata.kind === 'timestamp-sizes') {
      tally.timestampSizes = timestampSizes.size > 0 ? timestampSizes : undefined;
    } else if (metadata.kind === 'predecessor' && metadata.value !== undefined) {
      facts.predecessor = { ...metadata.value, offset, length };
    } else if (metadata.kind === 'ignorable') {
      this.add('wal/ignorable-record', offset, length, {
        message: `A record of type ${metadata.type} and ${record.end - record.start} bytes`,
        evidence: { type: metadata.type },
      });
    }
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

  /** A finding that the batches after it are evidence for. */
  private addDamage(finding: Finding): void {
    this.facts.firstDamage ??= finding.offset;
    this.findings.push(finding);
    this.following.await(finding, this.sequence);
  }

  /** A step of the sequence numbers that no damage explains. */
  private odd(step: Exclude<SequenceStep, 'first' | 'next'>): void {
    const { record } = this.parser;
    const { tally } = this;
    const { previous, previousNext: before } = this.sequence;
    if (step === 'gap') {
      const length = record.endOffset - record.offset;
      this.gaps.add({ offset: record.offset, length }, before, tally.sequence - 1n);
      if (this.context.dialect === 'pebble') this.leap = { offset: record.offset, length, expected: before };
      return;
    }
    const leap = this.leap;
    if (leap !== undefined && step === 'backwards' && leap.expected <= tally.sequence) {
      // the numbers go on where they were: it is the batch before that has a wrong one
      this.add('sequence/backwards', leap.offset, leap.length, {
        message: `The batch has sequence ${previous}, those around it ${leap.expected - 1n} and ${tally.sequence}`,
        evidence: { sequence: String(previous), nextSequence: String(tally.sequence) },
      });
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
    { message, evidence }: { message: string; evidence: Record<string, EvidenceValue> },
  ): void {
    if (this.full()) return;
    const { file } = this.context;
    this.findings.push(findingAt({ file }, rule, { offset, length, message, evidence }));
  }

  private async finish(tail: Tail): Promise<UnitResult> {
    const { context, facts, parser, sequence } = this;
    const state = {
      ...logState(parser, context.number, context.recycling),
      ...(sequence.started && { lastSequence: sequence.last }),
    };
    const verdict = await judgeTail(this.source, context.file, tail, state);
    if (verdict.finding !== undefined) this.findings.push(verdict.finding);
    facts.size = parser.size;
    facts.tail = verdict.tail;
    facts.tailOffset = tail.offset;
    if (tail.oldRecord !== undefined) facts.heldBefore = tail.oldRecord.logNumber;
    facts.physicalRecords = parser.physicalRecords;
    facts.recyclable = parser.style === 'recyclable';
    facts.compressed = parser.compressed;
    facts.columnFamilies = this.tally.columnFamilies();
    if (sequence.started) {
      facts.lastSequence = sequence.last;
      facts.nextSequence = sequence.next;
    }
    this.following.conclude(sequence, facts.transactions);
    const accountable = !facts.transactions && context.depth !== 'structure';
    const gaps = accountable ? this.gaps.summary() : undefined;
    if (gaps !== undefined)
      this.add('sequence/gap', gaps.offset, context.dialect === 'rocksdb' ? 0 : gaps.length, gaps);
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
}

/**
 * Checks one WAL: framing, checksums and every operation of every batch (framing alone at depth `structure`); the order of
 * sequence numbers; how it ends. Severities are the rules' own: whether a torn tail or a hole matters depends on the
 * recovery mode and on the other files, which is not decided here. Reads front to back in two buffers of 1 MiB; a record
 * of several fragments is put together up to `MAX_RECORD`.
 */
export function checkWal(source: ByteSource, context: WalContext): Promise<UnitResult> {
  return new WalCheck(source, context).run();
}
