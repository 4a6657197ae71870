import { LogWriter } from '../../../encode/log/writer.js';
import { type Database, filesOf, liveWals } from '../../../engine/database.js';
import { decodeBatch, isCut } from '../../../format/batch/decode.js';
import { BATCH_HEADER } from '../../../format/batch/tags.js';
import type { Assembly } from '../../../format/log/assembly.js';
import type { TailKind } from '../../../format/log/damage.js';
import { LogParser } from '../../../format/log/parser.js';
import { readLog } from '../../../format/log/read.js';
import type { InventoryEntry } from '../../../io/inventory.js';
import { type LoggedBatch, loggedBatches } from '../../../recovery/logged-batches.js';
import { LEAST_SHARED } from './life.js';
import type { SecondSource } from './sources.js';

// A replica logs the batches of its master at the master's sequences, in files of its own numbers and lengths:
//
//   here      | 17 | 18 | /// damage /// | 22 | 23 |        a batch per record, by sequence
//   there        | 17 | 18 | 19 | 20 | 21 | 22 | 23 |
//
// Where 18 and 22 are the same on both sides, 19 to 21 are what stood here. Framed after 18 they must end where 22 begins.
//
// A record may hold its checksum, and a batch that nothing writes: a count, a tag or a length was wrong before it was written. The source's
// batch of that sequence is the one that was meant where every byte of keys and values is the same.

/** Bytes of batches that are held between two that are the same. */
const MOST_HELD = 256 << 20;

/** Ends that no writer leaves between two logs. */
const BROKEN_ENDS: ReadonlySet<TailKind> = new Set(['torn-header', 'torn-body', 'torn-fragments', 'damaged']);

/** Bytes of a log here that a source's batches take the place of. */
export interface Fill {
  entry: InventoryEntry;
  offset: number;
  /** After the bytes that are replaced. */
  end: number;
  /** The batches, framed for this place. None: between two batches that belong together stands something else. */
  bytes: Uint8Array;
  /** The batch of the source that stands before, and the ones that are taken. */
  before: LoggedBatch;
  batches: readonly Omit<LoggedBatch, 'bytes'>[];
  /** Another batch stands before it in the source, so that the ones beside it say nothing of this one. */
  parted?: true;
  /** The batch before stands at the same place of a log of the same number: the source is no replica, but a copy or a clone. */
  placed?: true;
  /** The batch after them, in the source, where they end a log here: nothing here tells how many bytes stood there. */
  next?: LoggedBatch;
  /** What is replaced is a batch that has the keys and values of the source's, and a wrong count, tag or length. */
  form?: true;
}

/** The batches of a source beside those here. */
export interface Alignment {
  fills: Fill[];
  /** Batches that are the same. */
  same: number;
  /** The first sequence at which the source has another batch than one that is whole here. */
  parted?: bigint;
}

/**
 * Reads the WALs here and those of a source side by side, by sequence number, and gives what of the source fits the gaps here.
 * Compressed logs have none, as their frames are not those of another file. `gone`: numbers of logs that were here, as a scan says.
 */
export async function alignReplica(
  database: Database,
  source: SecondSource,
  gone: readonly bigint[],
): Promise<Alignment> {
  const reader = new Side(database, source, gone);
  try {
    for (const entry of liveWals(database)) await reader.read(entry);
  } finally {
    await reader.close();
  }
  return reader.result;
}

interface Log {
  entry: InventoryEntry;
  parser: LogParser;
  /** After the last whole record, or the last that is not data. */
  reached: number;
  /** It holds a whole batch. */
  begun: boolean;
}

class Side {
  readonly result: Alignment = { fills: [], same: 0 };
  private readonly theirs: AsyncGenerator<LoggedBatch>;
  private theirNext: LoggedBatch | undefined;
  /** The last batch here, where the source has the same. */
  private joined: { batch: LoggedBatch; log: Log; offset: number } | undefined;
  /** What the source has after it. */
  private held: LoggedBatch[] = [];
  private heldBytes = 0;
  private gap: { log: Log; offset: number } | undefined;
  private begun = false;

  constructor(
    private readonly database: Database,
    { database: other }: SecondSource,
    private readonly gone: readonly bigint[],
  ) {
    this.theirs = loggedBatches(other);
  }

  /** Closes the log of the source that is being read. */
  async close(): Promise<void> {
    await this.theirs.return(undefined);
  }

  async read(entry: InventoryEntry): Promise<void> {
    const source = await filesOf(this.database).open(entry.source);
    try {
      const parser = new LogParser(source, { number: entry.number!, dialect: this.database.dialect });
      const log: Log = { entry, parser, reached: 0, begun: false };
      const tail = await readLog(parser, {
        record: (record) => this.record(log, record),
        metadata: (_, { endOffset }) => {
          log.reached = endOffset;
          return undefined;
        },
        damage: () => this.open(log),
      });
      if (tail !== undefined && BROKEN_ENDS.has(tail.kind)) this.open(log);
    } finally {
      await source.close();
    }
  }

  /** A gap is one of one log: with damage in several nothing tells what stood in which. */
  private open(log: Log): undefined {
    if (this.gap === undefined) this.gap = { log, offset: log.reached };
    else if (this.gap.log !== log) this.joined = undefined;
  }

  private async record(log: Log, record: Assembly): Promise<void> {
    const { bytes, start, end, offset, endOffset } = record;
    const batch = bytes.subarray(start, end);
    const usable = !record.oversized && record.decompressionError === undefined && !log.parser.compressed;
    if (!usable || batch.length < BATCH_HEADER) this.part();
    else await this.meet(log, batch, { offset, end: endOffset });
    log.reached = endOffset;
    log.begun = true;
    this.gap = undefined;
  }

  private part(): void {
    this.joined = undefined;
    this.held = [];
    this.heldBytes = 0;
  }

  private async meet(log: Log, batch: Uint8Array, at: { offset: number; end: number }): Promise<void> {
    const view = new DataView(batch.buffer, batch.byteOffset);
    const sequence = view.getBigUint64(0, true);
    const count = view.getUint32(8, true);
    await this.catchUp(sequence, count);
    const its = this.theirNext;
    const isOne = its?.sequence === sequence;
    const same = isOne && Buffer.compare(its.bytes, batch) === 0;
    if (!same && !(isOne && this.isMeant(batch, its.bytes))) {
      if (isOne && count > 0) this.result.parted ??= sequence;
      this.part();
      return;
    }
    this.fill(log, its, at);
    if (same) this.result.same++;
    else this.reshape(log, its, at);
    this.part();
    this.joined = { batch: its, log, offset: at.offset };
    await this.advance();
  }

  /** Whether a batch here is the source's but for bytes that are neither of keys nor of values, and cannot have been written so. */
  private isMeant(mine: Uint8Array, its: Uint8Array): boolean {
    const { dialect } = this.database;
    if (mine.length !== its.length || decodeBatch(mine, { dialect }).anomalies.length === 0) return false;
    const meant = decodeBatch(its, { dialect });
    if (meant.anomalies.length > 0 || isCut(meant)) return false;
    let agreed = 0;
    for (const { key, value } of meant.ops)
      for (const bytes of value === undefined ? [key] : [key, value]) {
        const from = bytes.byteOffset - its.byteOffset;
        if (Buffer.compare(bytes, mine.subarray(from, from + bytes.length)) !== 0) return false;
        agreed += bytes.length;
      }
    // a batch before it that is the same says as much as keys and values of some length
    return agreed >= LEAST_SHARED || (agreed > 0 && this.joined !== undefined);
  }

  /** The source's batch in place of one of the same length. */
  private reshape(log: Log, batch: LoggedBatch, { offset, end }: { offset: number; end: number }): void {
    const bytes = framerAt(log, offset).record(batch.bytes).slice();
    const { bytes: _, ...taken } = batch;
    if (bytes.length === end - offset)
      this.result.fills.push({
        entry: log.entry,
        offset,
        end,
        bytes,
        before: batch,
        batches: [taken],
        form: true,
      });
  }

  /** Holds what the source has before a sequence. */
  private async catchUp(sequence: bigint, count: number): Promise<void> {
    if (!this.begun) await this.advance();
    this.begun = true;
    for (;;) {
      const next = this.theirNext;
      if (next === undefined || next.sequence > sequence) return;
      // log data alone takes no sequence: the batch after it begins at the same
      if (next.sequence === sequence && (next.count > 0 || count === 0)) return;
      if (this.joined !== undefined) {
        this.held.push(next);
        this.heldBytes += next.bytes.length;
        if (this.heldBytes > MOST_HELD) this.part();
      }
      await this.advance();
    }
  }

  private async advance(): Promise<void> {
    this.theirNext = (await this.theirs.next()).value as LoggedBatch | undefined;
  }

  /** `batch` stands here and there, `joined` before it: what lies between them there belongs between them here. */
  private fill(log: Log, batch: LoggedBatch, at: { offset: number; end: number }): void {
    const { joined, held } = this;
    if (joined === undefined || !isUnbroken([joined.batch, ...held, batch])) return;
    // batches of another log do not belong at the end of this one: a column family replays from a log on
    const isOtherLog =
      joined.batch.file === joined.log.entry.file && held.some(({ file }) => file !== joined.batch.file);
    if (joined.log !== log && (isOtherLog || this.isOneGone(joined.log, log))) return;
    const isCut = this.gap === undefined && held.length > 0 && joined.log !== log;
    const gap = this.gap ?? (isCut ? { log: joined.log, offset: joined.log.reached } : undefined);
    if (gap === undefined) return;
    const writer = framerAt(gap.log, gap.offset);
    const framed = held.map(({ bytes }) => writer.record(bytes).slice());
    let end = gap.log.entry.size;
    if (gap.log === log) {
      // a record of the same length that ends at the same place began at the same
      writer.record(batch.bytes);
      if (writer.offset !== at.end) return;
      end = at.offset;
      const left = end - gap.offset - framed.reduce((sum, { length }) => sum + length, 0);
      if (left < 0) return;
      // a header that does not fit a block begins the next one
      framed.push(new Uint8Array(left));
    } else if (log.begun || this.isBetween(gap.log, log)) return;
    const bytes = Buffer.concat(framed);
    if (bytes.length === 0 && end === gap.offset) return;
    const batches = held.map(({ bytes: _, ...each }) => each);
    const isPlaced = joined.batch.number === joined.log.entry.number && joined.batch.offset === joined.offset;
    this.result.fills.push({
      entry: gap.log.entry,
      offset: gap.offset,
      end,
      bytes,
      before: joined.batch,
      batches,
      ...(gap.log !== log && { next: batch }),
      ...(this.result.parted !== undefined && { parted: true as const }),
      ...(isPlaced && { placed: true as const }),
    });
  }

  /** Whether a log between two was here. */
  private isOneGone(first: Log, last: Log): boolean {
    return this.gone.some((number) => number > first.entry.number! && number < last.entry.number!);
  }

  /** Whether another log here stands between two. */
  private isBetween(first: Log, last: Log): boolean {
    return liveWals(this.database).some(
      ({ number }) => number! > first.entry.number! && number! < last.entry.number!,
    );
  }
}

/** Frames batches as this log does, from a place in it on. */
const framerAt = ({ entry, parser }: Log, offset: number) =>
  new LogWriter({ number: entry.number!, offset, recyclable: parser.style === 'recyclable' });

/** Whether each batch begins after the sequences of the one before it. */
function isUnbroken(batches: readonly LoggedBatch[]): boolean {
  return batches.every(
    ({ sequence }, i) => i === 0 || sequence === batches[i - 1].sequence + BigInt(batches[i - 1].count),
  );
}
