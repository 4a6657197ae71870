import type { ByteSource } from '../bytes/source.js';
import type { WalFacts } from '../check/unit.js';
import { logState } from '../check/wal/plausible.js';
import { judgeTail } from '../check/wal/tail.js';
import { BATCH_HEADER, isIngest } from '../format/batch/tags.js';
import { type DialectName, dialectNamed } from '../format/dialect.js';
import { lastSegments } from '../format/filename.js';
import type { Damage, TailKind } from '../format/log/damage.js';
import { gatherRecord } from '../format/log/gather-record.js';
import { LogParser } from '../format/log/parser.js';
import { readLog } from '../format/log/read.js';
import { Interrupted } from '../io/interruption.js';
import { retryingSource } from '../io/retry.js';
import { BatchWalker, marker } from './batch-walker.js';
import type { FamilyState } from './family.js';
import { KeySpan } from './key-span.js';
import type { RecoveryOutcome, WalOutcome } from './outcome.js';
import { ascending, type WalFile } from './replay.js';

const NOTHING = new Uint8Array(0);

/** What a recovery mode loses of a column family. */
interface FamilyLoss {
  id: number;
  name: string;
  operations: number;
  /** The smallest and largest key among them, in the column family's order (bytewise where that is not known). */
  firstKey?: Uint8Array;
  lastKey?: Uint8Array;
}

/**
 * What the WALs still hold and a recovery mode does not apply. Only what decodes is counted: a record that is damaged beyond
 * that shows in `damagedBytes`, and one that is gone (a file cut at a record's end) shows nowhere.
 */
export interface Loss {
  /** Logical records not applied, or not wholly. */
  records: number;
  /** Operations on live column families that their tables do not already have; those of prepared sections included. */
  operations: number;
  /** Of those operations. */
  firstSequence?: bigint;
  lastSequence?: bigint;
  columnFamilies: FamilyLoss[];
  /** Commit markers: their transactions stay undecided. */
  commits: number;
  /** Records among them that stop decoding; their operations up to there are counted. */
  undecodable: number;
  /** Bytes of WALs that hold nothing whole. */
  damagedBytes: number;
  /** Of the newest WAL's last record, which was not written to its end: nobody was told that it is safe. */
  tornBytes: number;
}

type LogEnd = TailKind | WalFacts['tail'];

/** What the end of a log may look like when its writer was killed. */
const TORN: ReadonlySet<LogEnd> = new Set(['torn', 'torn-header', 'torn-body', 'torn-fragments']);

/** Ends after which this log never had anything. */
const NOT_WRITTEN: ReadonlySet<LogEnd> = new Set(['clean', 'closed', 'zero-fill', 'recycled']);

/** A cap on objects held for one WAL: more column family ids than this in damaged batches are not told apart. */
const MAX_FAMILIES = 10_000;

class LossTally {
  readonly loss: Loss = {
    records: 0,
    operations: 0,
    columnFamilies: [],
    commits: 0,
    undecodable: 0,
    damagedBytes: 0,
    tornBytes: 0,
  };
  private readonly families = new Map<number, { operations: number; keys: KeySpan }>();
  /** The last batch that was counted of a log of several segments. */
  private counted: { number: bigint; file: string; sequence: bigint } | undefined;

  constructor(
    private readonly live: ReadonlyMap<number, FamilyState>,
    private readonly outcome: RecoveryOutcome,
    private readonly dialect: DialectName,
  ) {}

  /** Takes a logical record of a WAL, unless the mode applied it. True when operations of it are lost. */
  record(wal: WalOutcome, offset: number, bytes: Uint8Array): boolean {
    const torn = wal.torn?.offset === offset ? wal.torn : undefined;
    if (torn === undefined && isApplied(wal, offset)) return false;
    if (this.dialect === 'pebble' && this.isElsewhere(wal, bytes)) return false;
    const { loss } = this;
    const before = loss.operations;
    loss.records++;
    if (bytes.length < BATCH_HEADER) {
      loss.undecodable++;
      return false;
    }
    const walker = new BatchWalker(bytes, this.dialect);
    const { sequence } = walker;
    const perBatch = this.outcome.policy === 'write-prepared' || this.outcome.policy === 'write-unprepared';
    let index = 0n;
    while (walker.next()) {
      if (walker.tag === marker.commit || walker.tag === marker.commitWithTimestamp) loss.commits++;
      if (!walker.counts) continue;
      const at = perBatch ? sequence : sequence + index++;
      if (torn !== undefined && walker.position <= torn.takenEnd) continue;
      this.operation(walker, at, wal.number);
    }
    if (walker.error() !== undefined) loss.undecodable++;
    return loss.operations > before;
  }

  /** Segments of one log of Pebble repeat batches: whether another one has this one applied, or counted. */
  private isElsewhere({ number, file }: WalOutcome, bytes: Uint8Array): boolean {
    if (bytes.length < BATCH_HEADER) return false;
    const { sequence, count } = new BatchWalker(bytes, this.dialect);
    if (count === 0) return false;
    const { wals } = this.outcome;
    const isOther = (other: WalOutcome) => other.number === number && other.file !== file;
    if (!wals.some(isOther)) return false;
    const isWithin = ({ firstSequence, lastSequence }: WalOutcome) =>
      firstSequence !== undefined && sequence >= firstSequence && sequence <= lastSequence!;
    if (wals.some((other) => isOther(other) && isWithin(other))) return true;
    const counted = this.counted?.number === number ? this.counted : undefined;
    if (counted !== undefined && counted.file !== file && sequence <= counted.sequence) return true;
    this.counted = { number, file, sequence };
    return false;
  }

  private operation(walker: BatchWalker, sequence: bigint, wal: bigint): void {
    const family = this.live.get(walker.columnFamily);
    if (family === undefined || wal < family.logNumber) return;
    const { loss } = this;
    loss.operations++;
    if (loss.firstSequence === undefined || sequence < loss.firstSequence) loss.firstSequence = sequence;
    if (loss.lastSequence === undefined || sequence > loss.lastSequence) loss.lastSequence = sequence;
    let entry = this.families.get(family.id);
    if (entry === undefined) {
      if (this.families.size >= MAX_FAMILIES) return;
      entry = { operations: 0, keys: new KeySpan(family.comparator) };
      this.families.set(family.id, entry);
    }
    entry.operations++;
    // of a table that a batch of Pebble brings in, the number stands in place of a key
    if (this.dialect !== 'pebble' || !isIngest(walker.tag)) entry.keys.add(walker.key);
  }

  finish(): Loss {
    for (const [id, { operations, keys }] of this.families) {
      const { first: firstKey, last: lastKey } = keys;
      this.loss.columnFamilies.push({ id, name: this.live.get(id)!.name, operations, firstKey, lastKey });
    }
    return this.loss;
  }
}

function isApplied({ applied }: WalOutcome, offset: number): boolean {
  let low = 0;
  let high = applied.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (applied[middle].to <= offset) low = middle + 1;
    else high = middle;
  }
  return low < applied.length && applied[low].from <= offset;
}

/**
 * Gets each batch of which outcomes, by their places in the list, lose operations. It is overwritten after the call. `damaged`:
 * its checksum does not hold, though it decodes to its end; such a batch counts in `damagedBytes` alone.
 */
export type LostBatch = (batch: Uint8Array, outcomes: readonly number[], damaged: boolean) => void;

interface LossOptions {
  dialect: DialectName;
  /** New logs may be written over old ones (recycle_log_file_num). */
  recycling: boolean;
  onLost?: LostBatch;
}

/**
 * What each outcome loses, in one pass over the WALs with kvdoctor's own parser, which finds whole records where the engine
 * gives up. Outcomes that do not open lose nothing, for nothing is changed then: their entry is `undefined`.
 */
export async function lossesOf(
  wals: readonly WalFile[],
  families: readonly FamilyState[],
  outcomes: readonly RecoveryOutcome[],
  options: LossOptions,
): Promise<(Loss | undefined)[]> {
  const live = new Map(families.map((family) => [family.id, family]));
  const tallies = outcomes.map((outcome) =>
    outcome.opens ? new LossTally(live, outcome, options.dialect) : undefined,
  );
  if (outcomes.some((outcome) => outcome.opens && !outcome.uneventful)) {
    const sorted = ascending(wals);
    const ends = new Set(lastSegments(sorted));
    const endOf = (wal: WalFile) =>
      wal === sorted.at(-1) ? 'newest' : ends.has(wal) || options.dialect !== 'pebble' ? 'older' : 'goes-on';
    for (const wal of sorted) await tallyWal(wal, endOf(wal), outcomes, tallies, options);
  }
  return tallies.map((tally) => tally?.finish());
}

function isRead(view: WalOutcome | undefined): view is WalOutcome {
  return view !== undefined && view.state !== 'not-needed';
}

/** The batch of a record whose checksum does not hold, where it decodes to its end all the same. */
async function damagedBatch(
  source: ByteSource,
  { reason, offset }: Damage,
  dialect: DialectName,
): Promise<Uint8Array | undefined> {
  if (reason !== 'checksum') return undefined;
  const batch = await gatherRecord(source, offset, dialectNamed(dialect).wal);
  if (batch === undefined || batch.length <= BATCH_HEADER) return undefined;
  const walker = new BatchWalker(batch, dialect);
  while (walker.next());
  return walker.position === batch.length ? batch : undefined;
}

async function tallyWal(
  wal: WalFile,
  kind: 'newest' | 'older' | 'goes-on',
  outcomes: readonly RecoveryOutcome[],
  tallies: readonly (LossTally | undefined)[],
  { dialect, recycling, onLost }: LossOptions,
): Promise<void> {
  const views = outcomes.map((outcome) =>
    outcome.wals.find(({ number, file }) => number === wal.number && file === wal.file),
  );
  if (views.every((view) => view === undefined || view.state === 'not-needed')) return;
  let source: ByteSource;
  try {
    source = retryingSource(await wal.open());
  } catch {
    return;
  }
  try {
    const parser = new LogParser(source, { dialect, number: wal.number });
    const onDamage = async (damage: Damage) => {
      if (onLost === undefined || parser.compressed) return;
      const batch = await damagedBatch(source, damage, dialect);
      const losing = [...tallies.keys()].filter((i) => tallies[i] !== undefined && isRead(views[i]));
      if (batch !== undefined && losing.length > 0) onLost(batch, losing, true);
    };
    const tail = await readLog(parser, {
      damage: (damage) => {
        for (const tally of tallies) if (tally !== undefined) tally.loss.damagedBytes += damage.length;
        return onDamage(damage);
      },
      record: (record) => {
        const decoded = record.decompressionError === undefined;
        const bytes = decoded ? record.bytes.subarray(record.start, record.end) : NOTHING;
        const losing: number[] = [];
        for (const [i, tally] of tallies.entries()) {
          const view = views[i];
          if (isRead(view) && tally?.record(view, record.offset, bytes)) losing.push(i);
        }
        if (losing.length > 0) onLost?.(bytes, losing, false);
        return undefined;
      },
    });
    if (tail === undefined) return;
    // what is no record of this log may be an older log's all the same
    const end =
      tail.kind === 'damaged'
        ? (await judgeTail(source, wal.file, tail, logState(parser, wal.number, recycling))).tail
        : tail.kind;
    // the next segment begins with what was not written to the end here
    const stops = (view: WalOutcome | undefined) => kind !== 'goes-on' || view?.stopError !== undefined;
    if (NOT_WRITTEN.has(end) || !views.some(stops)) return;
    if (tail.damage !== undefined) await onDamage(tail.damage);
    const bytes = kind === 'newest' && TORN.has(end) ? 'tornBytes' : 'damagedBytes';
    for (const [i, tally] of tallies.entries())
      if (tally !== undefined && stops(views[i])) tally.loss[bytes] += tail.length;
  } catch (error) {
    if (error instanceof Interrupted) throw error;
    // A medium that fails in the middle: what comes after cannot be counted, and the outcome already says IO error.
  } finally {
    await source.close();
  }
}
