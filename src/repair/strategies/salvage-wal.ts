import type { Profile } from '../../app/profile.js';
import { append } from '../../bytes/append.js';
import { FamiliarRuns } from '../../diagnose/familiar-run.js';
import { setBatchHeader } from '../../encode/batch/encode.js';
import { type Database, filesOf } from '../../engine/database.js';
import { counted } from '../../finding/quantity.js';
import { dialectNamed } from '../../format/dialect.js';
import type { Damage } from '../../format/log/damage.js';
import { gatherRecord } from '../../format/log/gather-record.js';
import { MAX_SEQUENCE } from '../../format/sst/internal-key.js';
import type { OpenSource } from '../../io/source.js';
import { emptyPlan } from '../empty-plan.js';
import type { FilePlace } from '../place.js';
import type { LossStatement, RepairPlan, RepairStep } from '../plan.js';
import { forgetWals } from './forget-wals.js';
import { KeptBatches } from './kept-batches.js';
import { lostOperations } from './lost-operations.js';
import { type Mended, type MendRules, mendBatch } from './mend-batch.js';
import { Misfits, notKept, wordsFor } from './misfits.js';
import { familyFacts, operationList, type PlanNames } from './operation-facts.js';
import { putPredecessorsRight } from './predecessors.js';
import { rebuildWal } from './rebuild-wal.js';
import { truedSequences } from './true-sequences.js';
import { UndecidedTransactions } from './undecided.js';
import { inOrder, inputsOf, lostFile, readWalStates, replaceStep, type WalState } from './wal-state.js';

/** Damaged records of a log for whose bytes the log is searched: a tenth of a second each. */
const MOST_SEARCHES = 16;

/** A salvage as it is being planned. */
interface Draft {
  open: OpenSource;
  names: PlanNames;
  history: History;
  transactions: UndecidedTransactions;
  commands: MendRules['commands'];
  clearOnly: boolean;
  steps: RepairStep[];
  loss: LossStatement[];
  unproven: LossStatement[];
  remarks: string[];
  /** What the last log ends in, where that is no whole record and no batch has come since. */
  torn?: { place: FilePlace; offset: number; bytes: number };
}

/**
 * Plans WALs that hold everything that can be decoded: whole records as they are, a batch under a wrong count with the right
 * one, a batch that loses step up to its last whole operation (its last whole command, where the application tells), a record under a wrong checksum as far as it decodes
 * and its header counts. What is after damage stays, at its own sequence numbers; the hole is stated. No recovery mode of
 * RocksDB gives this state, and nothing in it that had a wrong checksum is proven: the plan names it. With `clearOnly` such a
 * record is kept only as far as damage in it shows its place.
 */
export async function planSalvage(
  database: Database,
  profile?: Profile,
  clearOnly = false,
): Promise<RepairPlan> {
  const wals = await readWalStates(database);
  const families = new Map(database.version?.columnFamilies);
  const names: PlanNames = { dialect: database.dialect, families, profile };
  const steps: RepairStep[] = [];
  const loss: LossStatement[] = [];
  const unproven: LossStatement[] = [];
  const remarks: string[] = [];
  const transactions = new UndecidedTransactions(names);
  if (wals.some((w) => w.hurt)) {
    const commands = profile?.wholeCommands;
    const { open } = filesOf(database);
    const draft: Draft = {
      open,
      names,
      history: new History(),
      transactions,
      commands,
      clearOnly,
      steps,
      loss,
      unproven,
      remarks,
    };
    for (const wal of wals) await planWal(wal, draft);
    for (const step of putPredecessorsRight(wals, steps)) replaceStep(steps, step);
    append(steps, forgetWals(database, wals));
    if (steps.length > 0) {
      remarks.unshift(
        'a hole is accepted: writes after the damage are kept although writes before them may be lost, so the result is a state that the database never had',
      );
    }
  }
  const undecided = steps.length > 0 ? transactions.statements() : [];
  return {
    ...emptyPlan(database, 'salvage'),
    inputs: await inputsOf(database, steps),
    steps: inOrder(steps),
    loss,
    ...(unproven.length > 0 && { unproven }),
    ...(undecided.length > 0 && { undecided }),
    remarks,
  };
}

/** The sequence numbers of what was kept so far: the engine refuses a log that goes back (since 10.1). */
class History {
  private last = 0n;
  private next = 0n;
  private readonly batches = new KeptBatches();

  /** The sequence that comes next, once anything was kept. */
  get expected(): bigint | undefined {
    return this.next === 0n ? undefined : this.next;
  }

  /** Whether a batch can follow. What a transaction's batch takes cannot be told from it alone, so only its start counts. */
  fits({ sequence, operations, transactional }: Mended): boolean {
    if (sequence > MAX_SEQUENCE || sequence < this.last) return false;
    // one whose numbers are all taken already is a copy of what was applied
    return transactional || sequence >= this.next || sequence + BigInt(operations) > this.next;
  }

  /** Whether the very same batch was kept. */
  has(sequence: bigint, batch: Uint8Array): boolean {
    return this.batches.has(sequence, batch);
  }

  take({ sequence, operations, transactional, batch }: Mended): void {
    if (batch !== undefined) this.batches.take(sequence, batch);
    this.last = sequence;
    const next = sequence + (transactional ? 0n : BigInt(operations));
    if (next > this.next) this.next = next;
  }
}

/** What a log ends in was never acknowledged where the next batch has its sequence: it was written after an earlier recovery. */
function tellTorn(draft: Draft, sequence: bigint): void {
  const { torn, history, loss } = draft;
  draft.torn = undefined;
  const { expected } = history;
  if (torn === undefined || (expected !== undefined && sequence <= expected)) return;
  const { place, offset, bytes } = torn;
  const which = expected === undefined ? '' : `: of sequences ${expected}–${sequence - 1n} what no table has`;
  loss.push({
    ...lostFile(place),
    detail: `${bytes} bytes from ${offset} on, which hold no whole record${which}`,
    facts: { offset, bytes },
  });
}

async function planWal(wal: WalState, draft: Draft): Promise<void> {
  const { entry, place } = wal;
  const source = await draft.open(entry.source);
  const isLevelDb = draft.names.dialect === 'leveldb';
  const trued = isLevelDb
    ? await truedSequences(source, {
        dialect: 'leveldb',
        number: entry.number ?? 0n,
        expected: draft.history.expected,
      })
    : new Map<number, bigint>();
  const statements: { lost: LossStatement[]; unproven: LossStatement[] } = { lost: [], unproven: [] };
  const misfits = new Misfits(lostFile(place), draft.names);
  /** Offsets of records that stand in the logs twice. */
  const copies: number[] = [];
  /** First headers of records that were put together from damage: what follows of them is not reported. */
  const gathered = new Set<number>();
  const keep = (
    offset: number,
    batch: Uint8Array,
    trusted: boolean,
    restored?: string,
  ): Uint8Array | undefined => {
    const { transactions, commands, history, clearOnly } = draft;
    const mended = mendBatch(batch, {
      dialect: draft.names.dialect,
      trusted,
      clearOnly,
      commands,
      isPrepared: (xid) => transactions.has(xid),
    });
    mended.detail ??= restored;
    const fits = mended.batch !== undefined && history.fits(mended);
    if (!fits && mended.detail === undefined && history.has(mended.sequence, batch)) {
      copies.push(offset);
      return undefined;
    }
    if (fits) {
      append(statements.lost, misfits.statements());
      tellTorn(draft, mended.sequence);
      history.take(mended);
      transactions.take(mended.kept, place.path);
      wal.newLastSequence = mended.sequence;
    }
    const usable = fits ? mended : { ...mended, kept: [], operations: 0, end: undefined };
    if (usable.detail !== undefined || !fits) tell(statements, { offset, batch, trusted, fits }, usable);
    return fits ? mended.batch : undefined;
  };
  const tell = (
    { lost, unproven }: typeof statements,
    record: { offset: number; batch: Uint8Array; trusted: boolean; fits: boolean },
    mended: Mended,
  ) => {
    const { offset, batch, fits } = record;
    const { names, transactions } = draft;
    const { sequence, operations, kept, detail } = mended;
    const what = `the record at ${offset} (sequence ${sequence}): ${detail}`;
    const facts = { offset, sequence: String(sequence), kept: operations };
    const gone = lostOperations(batch, mended, fits, new Set(names.families.keys()), names.dialect);
    if (detail === undefined) {
      misfits.add({ offset, sequence, counted: mended.counted, gone });
    } else if (!fits || gone.count > 0 || gone.operations.length > 0) {
      append(lost, misfits.statements());
      const of = notKept(gone.count, mended.counted);
      lost.push({
        ...lostFile(place),
        detail: fits ? `${what}${of}` : `${what}${of === '' ? '; nothing of it is kept' : of}`,
        facts: {
          ...facts,
          operations: gone.count,
          ...(gone.operations.length > 0 && {
            columnFamilies: familyFacts(gone.operations, names),
            ...operationList(gone.operations, names),
          }),
          ...wordsFor(gone.ops, names.profile),
        },
      });
    }
    for (const { key } of gone.ops.filter(({ kind }) => kind.startsWith('commit')))
      append(lost, transactions.lostCommit(key, lostFile(place), offset));
    if (fits && operations > 0) {
      const written = kept.filter((op) => op.counted);
      unproven.push({
        ...lostFile(place),
        detail: `${what}; ${operations === 1 ? 'one operation of it is' : `${operations} operations of it are`} kept`,
        facts: { ...facts, ...operationList(written, names) },
      });
    }
  };
  try {
    const rebuilt = await rebuildWal(
      source,
      place,
      { number: entry.number ?? 0n, dialect: draft.names.dialect },
      {
        record: ({ offset, batch }) => {
          const sequence = trued.get(offset);
          if (sequence === undefined) return keep(offset, batch, true);
          const renumbered = batch.slice();
          setBatchHeader(renumbered, { sequence });
          draft.remarks.push(
            `${place.path}: the record at ${offset} gets the sequence ${sequence}, which the ones before and after it leave for it`,
          );
          return keep(offset, renumbered, true);
        },
        damage: async (damage: Damage) => {
          const offset = damage.recordOffset ?? damage.offset;
          if (damage.reason !== 'checksum' || gathered.has(offset) || wal.facts.compressed) return [];
          gathered.add(offset);
          const { wal: framing } = dialectNamed(draft.names.dialect);
          const looked = isLevelDb && gathered.size <= MOST_SEARCHES;
          const familiar = looked ? await FamiliarRuns.near(source, offset) : undefined;
          const batch = await gatherRecord(source, offset, framing, familiar?.mend);
          const restored = familiar?.restored;
          const kept = batch && keep(offset, batch, restored !== undefined, restored);
          return kept === undefined ? [] : [kept];
        },
      },
    );
    if (rebuilt.prefix === entry.size) return;
    wal.newSize = rebuilt.size;
    const gone = entry.size - rebuilt.prefix;
    const { tail, tailOffset } = wal.facts;
    if (tail === 'torn' || tail === 'damaged')
      draft.torn = { place, offset: tailOffset, bytes: entry.size - tailOffset };
    draft.steps.push({
      action: 'write',
      ...place,
      why: 'it holds damage; everything in it that decodes is kept',
      changes: [
        {
          kind: rebuilt.rewritten > 0 ? 'rewrite' : 'cut',
          offset: rebuilt.prefix,
          length: gone,
          detail: `${gone} bytes from ${rebuilt.prefix} on: ${counted(rebuilt.rewritten, 'record')} ${rebuilt.rewritten === 1 ? 'is' : 'are'} written anew`,
        },
      ],
      content: rebuilt.content,
    });
    append(draft.loss, [...statements.lost, ...misfits.statements()]);
    if (copies.length > 0)
      draft.remarks.push(
        `${place.path}: ${counted(copies.length, 'record')} from ${copies[0]} to ${copies.at(-1)} ${copies.length === 1 ? 'is a copy of one' : 'are copies of some'} before, which ${copies.length === 1 ? 'is' : 'are'} kept`,
      );
    append(draft.unproven, statements.unproven);
  } finally {
    await source.close();
  }
}
