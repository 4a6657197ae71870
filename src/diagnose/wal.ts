import type { ByteSource } from '../bytes/source.js';
import type { UnitResult, WalContext, WalFacts } from '../check/unit.js';
import type { Cause, Finding, Range } from '../finding/finding.js';
import { counted } from '../finding/quantity.js';
import { decodeBatch } from '../format/batch/decode.js';
import { type DialectName, dialectNamed } from '../format/dialect.js';
import { checksumHolds, decodePhysicalHeader, END_MARK, endMarkOf } from '../format/log/physical.js';
import { BLOCK_SIZE, LEGACY_HEADER, type LogDialect } from '../format/log/types.js';
import { batchCause, batchDefect, logDataOf } from './batch.js';
import { countCause, countThatFits, raisesCount } from './batch-count.js';
import { engineDefect } from './engine-defects.js';
import { FlippedSource } from './flipped-source.js';
import { type Flip, flipPlace, flipText, isConclusive, pairCause } from './flips.js';
import { differingBits } from './footer.js';
import {
  lengthCause,
  lengthChanges,
  recordEnd,
  searchRecord,
  searchRecordBytes,
  searchRecordPairs,
} from './log-flips.js';
import { overwrittenByte } from './overwritten-byte.js';
import { paddingCause, patternOf, sectorsOf } from './pattern.js';
import { batchImpact, lostImpact } from './wal-impact.js';
import { logicalRecordAt } from './wal-record.js';
import { readAgain, type WalTrial } from './wal-window.js';

/** Rules under which a record fails its checksum, or is not found for a wrong length. */
const RECORD_RULES = new Set([
  'wal/checksum-mismatch',
  'wal/false-end',
  'wal/bad-length',
  'wal/torn-tail',
  'wal/trailing-garbage',
]);

/** Finds causes for what a check has found in one WAL. */
export class WalDiagnosis {
  private readonly facts: WalFacts;
  private readonly dialect: DialectName;
  private readonly framing: LogDialect;
  /** Findings of one bit that raises a count: a flipped bit, or another thread. */
  private readonly raised: { finding: Finding; flip: Flip }[] = [];
  /** Something in the file shows that threads wrote into one batch. */
  private raceSeen = false;

  constructor(
    private readonly source: ByteSource,
    private readonly context: WalContext,
    private readonly result: UnitResult,
  ) {
    this.facts = result.facts as WalFacts;
    this.dialect = context.dialect;
    this.framing = dialectNamed(context.dialect).wal;
  }

  /** Sets cause and impact of a finding, where the bytes tell. */
  async diagnose(finding: Finding): Promise<void> {
    const { rule, offset, length } = finding;
    if (offset === undefined || length === undefined) return;
    if (rule.startsWith('batch/')) {
      const told = await batchCause(this.source, this.facts, finding);
      if (told === undefined) return;
      finding.cause = told.cause;
      Object.assign(finding.evidence, told.evidence);
      finding.impact = told.impact;
      this.raceSeen = true;
    } else if (rule === 'wal/nonzero-trailer') {
      finding.cause = await paddingCause(this.source, { offset, length });
    } else if (rule === 'wal/zeroed-range') {
      finding.cause = await patternOf(this.source, { offset, length });
      finding.impact = lostImpact(finding);
    } else if (RECORD_RULES.has(rule)) {
      await this.record(finding, { offset, length });
    }
  }

  /** To be called once, last: with a race in the file, one bit more in a count is no flipped bit. */
  conclude(): void {
    if (!this.raceSeen) return;
    for (const { finding, flip } of this.raised) {
      const { cause, evidence } = finding;
      if (cause === undefined) continue;
      cause.kind = 'memory';
      cause.detail = `the count of the batch was raised after its checksum was computed (${flipPlace(flip)}): another thread was counting on in the same memory, as what stands in this log shows. The disk kept what it was given`;
      evidence.seeAlso = 'apache/kvrocks#2766';
    }
  }

  /** The server's own notes in the batch show commands of two clients in it. */
  private async showsRace(flip: Flip, damaged: Damaged): Promise<boolean> {
    const flipped = new FlippedSource(this.source, [flip]);
    const record = await logicalRecordAt(flipped, this.facts, recordStart(damaged));
    if (record === undefined) return false;
    const batch = decodeBatch(record.bytes, { dialect: this.dialect });
    return (await batchDefect(logDataOf(batch, record.bytes, undefined))) !== undefined;
  }

  private async record(finding: Finding, place: Range): Promise<void> {
    const damaged = await this.damagedRecord(finding, place);
    if (damaged !== undefined && this.endMark(finding, damaged)) return;
    if (finding.rule === 'wal/false-end') {
      if (damaged !== undefined) await this.ownNumber(finding, damaged);
      return;
    }
    if (damaged !== undefined && (await this.oneBit(finding, damaged))) return;
    if (damaged !== undefined && (await this.changedCount(finding, damaged))) return;
    if (damaged !== undefined && (await this.lostLength(finding, damaged))) return;
    if (finding.rule === 'wal/torn-tail') return;
    finding.impact = lostImpact(finding);
    finding.cause = engineDefect(finding);
    if (finding.cause !== undefined) return;
    if (finding.rule === 'wal/trailing-garbage') {
      finding.cause = await garbageCause(this.source, place);
      return;
    }
    finding.cause =
      (await sectorsOf(this.source, place)) ??
      (damaged &&
        ((await this.oneByte(damaged)) ?? (await this.twoBits(damaged)) ?? this.decodes(damaged))) ??
      (await patternOf(this.source, place)) ??
      unexplained();
  }

  /** The physical record that does not hold: the one that the finding begins with, or a fragment after it. */
  private async damagedRecord(finding: Finding, place: Range): Promise<Damaged | undefined> {
    let at = place.offset;
    const end = place.offset + Math.max(place.length, 1);
    while (at < end) {
      const bytes = new Uint8Array(BLOCK_SIZE - (at % BLOCK_SIZE));
      const read = bytes.subarray(0, await this.source.read(bytes, at));
      const next = recordEnd(read, this.framing);
      const isWhole = next !== undefined && checksumHolds(read, 0, next);
      if (!isWhole) return read.length < 7 ? undefined : { at, bytes: read, finding };
      at += next;
      if (BLOCK_SIZE - (at % BLOCK_SIZE) < 7) at += BLOCK_SIZE - (at % BLOCK_SIZE);
    }
    return undefined;
  }

  /** The mark of a log of Pebble that was closed: eleven bytes that are known, with no checksum over them. */
  private endMark(finding: Finding, { at, bytes }: Damaged): boolean {
    const { dialect, number } = this.facts;
    if (dialect !== 'pebble' || bytes.length < END_MARK) return false;
    const [change, ...others] = differingBits(bytes.subarray(0, END_MARK), endMarkOf(number), at);
    if (change === undefined || others.length > 0) return false;
    finding.cause = {
      kind: 'bit-flip',
      certainty: 'proven',
      detail: `${flipText({ ...change, field: 'content' })} of the mark of a closed log`,
      basis: `with that, ${END_MARK} bytes are those which end log ${number}`,
      changes: [change],
      restores: true,
    };
    return true;
  }

  /** The number of this log in a record that has that of the next one, which ends a log for Pebble. */
  private async ownNumber(finding: Finding, damaged: Damaged): Promise<void> {
    // the mark that ends the log before has it
    const own = endMarkOf(this.facts.number - 1n).subarray(LEGACY_HEADER);
    const there = damaged.bytes.subarray(LEGACY_HEADER, END_MARK);
    const changes = differingBits(there, own, damaged.at + LEGACY_HEADER);
    const flips = changes.map((change): Flip => ({ ...change, field: 'log number' }));
    if (flips.length === 0 || (await this.try(flips, damaged)) !== 'fits') return;
    finding.cause = {
      kind: 'garbage',
      certainty: 'proven',
      detail: `the log number of the record was written over with that of the next log (${counted(flips.length, 'bit')})`,
      basis:
        'the checksum holds with the number of this log, and the batch decodes and continues the sequence numbers',
      changes,
      restores: true,
    };
    finding.impact = await batchImpact(this.source, flips, recordStart(damaged), this.facts);
  }

  private async oneBit(finding: Finding, damaged: Damaged): Promise<boolean> {
    const search = searchRecord(damaged.bytes, damaged.at, this.framing);
    const [flip] = search.flips;
    if (flip === undefined) return false;
    const trial = await this.try([flip], damaged);
    if (trial !== 'fits' && trial !== 'unsure') return false;
    const conclusive = isConclusive(search) && trial === 'fits';
    const raised = !this.facts.compressed && raisesCount(flip, damaged.bytes, damaged.at, this.framing);
    finding.cause = {
      kind: 'bit-flip',
      certainty: conclusive && !raised ? 'proven' : 'likely',
      detail: flipText(flip),
      basis: `${search.method}; ${trial === 'fits' ? 'the batch decodes and continues the sequence numbers when it is flipped back' : 'the rest of its record cannot be read'}`,
      ...(conclusive ? { changes: [{ offset: flip.offset, bit: flip.bit }], restores: true } : {}),
    };
    if (raised) {
      if (await this.showsRace(flip, damaged)) this.raceSeen = true;
      finding.cause.detail +=
        ', which raises the count of the batch: another thread that counts on leaves the same';
      this.raised.push({ finding, flip });
    }
    finding.impact = await batchImpact(this.source, [flip], recordStart(damaged), this.facts);
    return true;
  }

  /** Reads the log with bits put back: whether the record is whole then and fits the sequence numbers around it. */
  private async try(
    flips: readonly Flip[],
    { at, bytes, finding }: Damaged,
  ): Promise<'fits' | 'overlaps' | 'unsure' | 'fails'> {
    const changed = Uint8Array.from(bytes);
    for (const { offset, bit } of flips) changed[offset - at] ^= 1 << bit;
    const end = recordEnd(changed, this.framing);
    if (end === undefined || !checksumHolds(changed, 0, end)) return 'fails';
    const start = Math.min(recordStart({ at, finding }), finding.offset ?? at);
    const place = { offset: start, length: at + end - start };
    const trial = await readAgain(this.source, this.context, place, flips);
    if (trial.touching.length > 0) return 'fails';
    if (this.breaksOrder(trial)) return 'overlaps';
    // of a record in several pieces another one may be damaged as well
    const flipped = new FlippedSource(this.source, flips);
    const whole = await logicalRecordAt(flipped, this.facts, recordStart({ at, finding }));
    return whole === undefined ? 'unsure' : 'fits';
  }

  /** With the record back, a later batch claims its sequence numbers. */
  private breaksOrder({ findings }: WalTrial): boolean {
    const orderOf = (all: readonly Finding[]) =>
      all.filter(({ rule }) => rule === 'sequence/overlap' || rule === 'sequence/backwards');
    const known = new Set(orderOf(this.result.findings).map(({ offset }) => offset));
    return orderOf(findings).some(({ offset }) => !known.has(offset));
  }

  private async changedCount(finding: Finding, damaged: Damaged): Promise<boolean> {
    const count = this.facts.compressed ? undefined : countThatFits(damaged.bytes, damaged.at, this.framing);
    if (count === undefined || count.changes.length === 0) return false;
    const { written, fitting, changes } = count;
    const flips = changes.map((change): Flip => ({ ...change, field: 'content' }));
    const trial = await this.try(flips, damaged);
    if (trial === 'fails' || trial === 'unsure') return false;
    const cause = countCause(written, fitting, changes);
    if (trial === 'fits') cause.restores = true;
    else cause.detail += '. It gave the same sequence numbers to another batch, too';
    if (cause.kind === 'memory') {
      this.raceSeen = true;
      finding.evidence.seeAlso = 'apache/kvrocks#2766';
    }
    finding.cause = cause;
    finding.impact = await batchImpact(this.source, flips, recordStart(damaged), this.facts);
    return true;
  }

  private async lostLength(finding: Finding, damaged: Damaged): Promise<boolean> {
    const { fittingLength } = finding.evidence;
    if (typeof fittingLength !== 'number') return false;
    const changes = lengthChanges(damaged.bytes, damaged.at, fittingLength);
    const flips = changes.map((change): Flip => ({ ...change, field: 'length' }));
    if (flips.length === 0 || (await this.try(flips, damaged)) !== 'fits') return false;
    finding.cause = lengthCause(changes);
    finding.impact = await batchImpact(this.source, flips, recordStart(damaged), this.facts);
    return true;
  }

  private oneByte(damaged: Damaged): Promise<Cause | undefined> {
    const candidates = searchRecordBytes(damaged.bytes, damaged.at, this.framing);
    const length = recordEnd(damaged.bytes, this.framing) ?? 0;
    return overwrittenByte(candidates, length, async (changes) => {
      const flips = changes.map((change): Flip => ({ ...change, field: 'content' }));
      const trial = await this.try(flips, damaged);
      return trial === 'fits' ? 'decodes' : trial === 'unsure' ? 'unsure' : 'fails';
    });
  }

  private async twoBits(damaged: Damaged): Promise<Cause | undefined> {
    const decoding: [Flip, Flip][] = [];
    for (const pair of searchRecordPairs(damaged.bytes, damaged.at, this.framing)) {
      if ((await this.try(pair, damaged)) === 'fits') decoding.push(pair);
    }
    return pairCause(decoding, recordEnd(damaged.bytes, this.framing) ?? 0, 'the batch decodes');
  }

  /** A record that decodes to its end in spite of its checksum: keys or values are wrong, or the checksum never was right. */
  private decodes({ bytes, finding }: Damaged): Cause | undefined {
    const end = recordEnd(bytes, this.framing);
    const header = decodePhysicalHeader(bytes, 0, bytes.length, this.framing);
    if (end === undefined || header === undefined || header.kind !== 'full' || this.facts.compressed)
      return undefined;
    const batch = decodeBatch(bytes.subarray(header.headerSize, end), { maxOps: 0, dialect: this.dialect });
    if (batch.decodedLength < end - header.headerSize) return undefined;
    // zeros decode, too: as deletions of the empty key
    if (batch.counted > batch.count && bytes[end - 1] === 0 && bytes[end - 2] === 0) return undefined;
    const miscounts = batch.counted !== batch.count;
    finding.evidence.operationsFound = batch.counted;
    return {
      kind: 'memory',
      certainty: miscounts ? 'likely' : 'possible',
      detail:
        `all ${batch.counted} operations of the record decode to its last byte, and still its checksum does not hold` +
        (miscounts ? `, and its header counts ${batch.count}` : '') +
        ': memory changed between checksum and write (another thread in the same batch), or keys or values were damaged since',
      basis: 'damage on a disk rarely spares every length in a record',
    };
  }
}

interface Damaged {
  /** File offset of the record. */
  at: number;
  /** From there to the end of the block, or of the file. */
  bytes: Uint8Array;
  finding: Finding;
}

/** Where the logical record begins that a damaged fragment belongs to. */
function recordStart({ at, finding }: Pick<Damaged, 'at' | 'finding'>): number {
  const { recordOffset } = finding.evidence;
  return typeof recordOffset === 'number' ? Math.min(recordOffset, at) : at;
}

async function garbageCause(source: ByteSource, place: Range): Promise<Cause> {
  const pattern = await patternOf(source, place);
  if (pattern !== undefined) return pattern;
  return {
    kind: 'garbage',
    certainty: 'likely',
    detail: `${place.length} bytes after the last record that no writer of this log has left`,
    basis: 'no header, no sequence number and no checksum in them fits the log',
  };
}

function unexplained(): Cause {
  const detail = 'more than two bits of the record are wrong, in no pattern that tells why';
  return { kind: 'garbage', certainty: 'possible', detail };
}
