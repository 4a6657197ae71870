import { wholeCommands } from '../../app/kvrocks/whole-commands.js';
import { LostTallies } from '../../app/lost.js';
import type { Profile } from '../../app/profile.js';
import { tornOperations } from '../../diagnose/torn-operations.js';
import { setBatchHeader } from '../../encode/batch/encode.js';
import type { Database } from '../../engine/database.js';
import { formatVersion } from '../../engine/version.js';
import type { BatchOp } from '../../format/batch/batch.js';
import { decodeBatch } from '../../format/batch/decode.js';
import { BATCH_HEADER, MAX_SEQUENCE } from '../../format/batch/tags.js';
import type { Damage } from '../../format/wal/damage.js';
import { gatherRecord } from '../../format/wal/gather-record.js';
import { openSource } from '../../io/source.js';
import type { LossStatement, RepairPlan, RepairStep } from '../plan.js';
import { forgetWals } from './forget-wals.js';
import { putPredecessorsRight } from './predecessors.js';
import { rebuildWal } from './rebuild-wal.js';
import { encodeBatchPrefix } from './torn-batch.js';
import { inOrder, inputsOf, lostFile, readLiveWals, replaceStep, type WalState } from './wal-state.js';

/** What became of one record that was not whole. */
interface Salvaged {
  offset: number;
  sequence: bigint;
  kept: number;
  detail: string;
}

/**
 * Plans WALs that hold everything that can be decoded: whole records as they are, a batch under a wrong count with the right
 * one, a batch that loses step up to its last whole operation (of Kvrocks, its last whole command), a record under a wrong checksum as far as it decodes. What is
 * behind damage stays, at its own sequence numbers; the hole is stated. No recovery mode of RocksDB gives this state, and
 * nothing in it that had a wrong checksum is proven.
 */
export async function planSalvage(database: Database, profile?: Profile): Promise<RepairPlan> {
  const wals = await readLiveWals(database);
  const steps: RepairStep[] = [];
  const loss: LossStatement[] = [];
  const remarks: string[] = [];
  if (wals.some((w) => w.hurt)) {
    const history = new History();
    const commands = wholeCommands(database.version?.columnFamilies.values() ?? []);
    const families = new Set(database.version?.columnFamilies.keys());
    const onCut = (offset: number, batch: Uint8Array, end: number): LossStatement['facts'] | undefined =>
      profile && cutFacts(offset, notKept(batch, end, families), profile);
    for (const wal of wals) await planWal(wal, history, steps, loss, remarks, { commands, onCut });
    for (const step of putPredecessorsRight(wals, steps)) replaceStep(steps, step);
    steps.push(...forgetWals(database, wals));
    if (steps.length > 0) {
      remarks.unshift(
        'a hole is accepted: writes behind the damage are kept although writes before them may be lost, so the result is a state that the database never had',
      );
    }
  }
  return {
    schemaVersion: 1,
    target: database.target,
    strategy: 'salvage',
    engineVersion: formatVersion(database.engineVersion),
    inputs: await inputsOf(database, steps),
    steps: inOrder(steps),
    loss,
    remarks,
  };
}

/** The sequence numbers of what was kept so far: the engine refuses a log that goes back (since 10.1). */
class History {
  private last = 0n;
  private next = 0n;

  /** Whether a batch can follow. What a transaction's batch takes cannot be told from it alone, so only its start counts. */
  fits({ sequence, operations, transactional }: Mended): boolean {
    if (sequence > MAX_SEQUENCE || sequence < this.last) return false;
    // one whose numbers are all taken already is a copy of what was applied
    return transactional || sequence >= this.next || sequence + BigInt(operations) > this.next;
  }

  take({ sequence, operations, transactional }: Mended): void {
    this.last = sequence;
    const next = sequence + (transactional ? 0n : BigInt(operations));
    if (next > this.next) this.next = next;
  }
}

/** What a cut of a batch behind position `end` loses, where an application has words for it. */
type OnCut = (offset: number, batch: Uint8Array, end: number) => LossStatement['facts'] | undefined;

/** The operations of a torn batch behind a cut, those included that decode behind the place where the parser loses step. */
function notKept(batch: Uint8Array, end: number, families: ReadonlySet<number>): BatchOp[] {
  const { before, behind } = tornOperations(batch, families);
  return [...before.filter(({ offset }) => offset >= end), ...behind];
}

function cutFacts(
  offset: number,
  ops: readonly BatchOp[],
  profile: Profile,
): LossStatement['facts'] | undefined {
  const tallies = new LostTallies(profile);
  tallies.addPart(ops, 0);
  const commands = tallies.of(0);
  return commands && { offset, commands: { ...commands } };
}

async function planWal(
  wal: WalState,
  history: History,
  steps: RepairStep[],
  loss: LossStatement[],
  remarks: string[],
  { commands, onCut }: { commands: WholeUnits | undefined; onCut: OnCut },
): Promise<void> {
  const { entry, place } = wal;
  const source = await openSource(entry.source);
  const salvaged: Salvaged[] = [];
  /** First headers of records that were put together from damage: what follows of them is no news. */
  const gathered = new Set<number>();
  const keep = (offset: number, batch: Uint8Array, trusted: boolean): Uint8Array | undefined => {
    const mended = mend(batch, trusted, commands);
    if (mended.batch === undefined || !history.fits(mended)) {
      salvaged.push({
        offset,
        sequence: mended.sequence,
        kept: 0,
        detail: mended.detail ?? 'it is out of order',
      });
      return undefined;
    }
    history.take(mended);
    wal.newLastSequence = mended.sequence;
    if (mended.detail !== undefined) {
      salvaged.push({ offset, sequence: mended.sequence, kept: mended.operations, detail: mended.detail });
    }
    const facts = mended.end === undefined ? undefined : onCut(offset, batch, mended.end);
    if (facts !== undefined)
      loss.push({ ...lostFile(place), detail: `what is not kept of the record at ${offset}`, facts });
    return mended.batch;
  };
  try {
    const rebuilt = await rebuildWal(source, place, entry.number ?? 0n, {
      record: ({ offset, batch }) => keep(offset, batch, true),
      damage: async (damage: Damage) => {
        const offset = damage.recordOffset ?? damage.offset;
        if (damage.reason !== 'checksum' || gathered.has(offset) || wal.facts.compressed) return [];
        gathered.add(offset);
        const batch = await gatherRecord(source, offset);
        const kept = batch && keep(offset, batch, false);
        return kept === undefined ? [] : [kept];
      },
    });
    if (rebuilt.prefix === entry.size) return;
    wal.newSize = rebuilt.size;
    const gone = entry.size - rebuilt.prefix;
    steps.push({
      action: 'write',
      ...place,
      why: 'it holds damage; everything in it that decodes is kept',
      changes: [
        {
          kind: rebuilt.rewritten > 0 ? 'rewrite' : 'cut',
          offset: rebuilt.prefix,
          length: gone,
          detail: `${gone} bytes from ${rebuilt.prefix} on: ${rebuilt.rewritten} records are written anew`,
        },
      ],
      content: rebuilt.content,
    });
    for (const { offset, sequence, kept, detail } of salvaged) {
      const what = `the record at ${offset} (sequence ${sequence}): ${detail}`;
      if (kept > 0)
        remarks.push(`${place.path}: ${what}; ${kept} operations of it are kept, which is not proven right`);
      else loss.push({ ...lostFile(place), detail: what, facts: { offset, sequence: String(sequence) } });
    }
  } finally {
    await source.close();
  }
}

interface Mended {
  sequence: bigint;
  operations: number;
  /** It holds markers of transactions. */
  transactional: boolean;
  /** Absent when nothing of it can be used. The very same bytes when nothing is wrong with them. */
  batch?: Uint8Array;
  /** Where a batch that does not decode is cut: behind it nothing is kept. */
  end?: number;
  /** What is wrong with it; absent for nothing. */
  detail?: string;
}

/** Kinds of operations that are not markers of transactions. */
const PLAIN: ReadonlySet<string> = new Set([
  'put',
  'delete',
  'single-delete',
  'merge',
  'range-delete',
  'blob-index',
  'entity',
  'timed-put',
  'log-data',
]);

/** How many of the first operations of a torn batch may stand without the rest, where the application tells. */
type WholeUnits = (ops: readonly BatchOp[]) => number;

/** What can be used of a batch: all of it, all under another count, or its first operations. */
function mend(batch: Uint8Array, trusted: boolean, commands: WholeUnits | undefined): Mended {
  if (batch.length < BATCH_HEADER) {
    return { sequence: 0n, operations: 0, transactional: false, detail: 'it is shorter than a batch header' };
  }
  const { sequence, count, counted: operations, ops, anomalies, decodedLength } = decodeBatch(batch);
  const known = { sequence, operations, transactional: ops.some((op) => !PLAIN.has(op.kind)) };
  const [first] = anomalies;
  if (first === undefined) {
    if (trusted) return { ...known, batch };
    return { ...known, batch: batch.slice(), detail: 'its checksum does not match; it decodes whole' };
  }
  if (decodedLength === batch.length && anomalies.every((a) => a.rule === 'batch/wrong-count')) {
    const mended = batch.slice();
    setBatchHeader(mended, { count: operations });
    return {
      ...known,
      batch: mended,
      detail: `its header counts ${count} operations, it holds ${operations}`,
    };
  }
  // an operation is kept only with all before it: each takes a sequence number from its place
  const bad = anomalies.reduce(
    (least, a) => (a.rule === 'batch/wrong-count' ? least : Math.min(least, a.offset)),
    batch.length,
  );
  const decoded = ops.filter((op) => op.offset + op.length <= bad);
  const sound = commands === undefined ? decoded : decoded.slice(0, commands(decoded));
  const cut = sound.length < decoded.length ? ', and the command that it is part of is left out' : '';
  const kept = sound.filter((op) => op.counted).length;
  if (kept === 0)
    return {
      ...known,
      operations: 0,
      detail: `${first.message}; no ${commands ? 'whole command' : 'operation'} stands before that`,
    };
  const end = sound.reduce((last, op) => Math.max(last, op.offset + op.length), BATCH_HEADER);
  return {
    ...known,
    operations: kept,
    batch: encodeBatchPrefix(batch, end),
    end,
    detail: `${first.message} at ${first.offset} of its ${batch.length} bytes${cut}`,
  };
}
