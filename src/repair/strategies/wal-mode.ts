import type { WalFacts } from '../../check/unit.js';
import { checkWal } from '../../check/wal/wal.js';
import { type Database, liveWals } from '../../engine/database.js';
import { formatVersion } from '../../engine/version.js';
import type { InventoryEntry } from '../../io/inventory.js';
import { openSource } from '../../io/source.js';
import { databaseView } from '../../recovery/database-view.js';
import type { RecoveryMode } from '../../recovery/mode.js';
import { prepareOpen, simulateOpen } from '../../recovery/open.js';
import type { RecoveryOutcome, WalOutcome } from '../../recovery/outcome.js';
import { fileState } from '../content.js';
import { type Place, placeKey } from '../place.js';
import type { LossStatement, RepairPlan, RepairStep } from '../plan.js';
import { Refusal } from '../refusal.js';
import { forgetWals } from './forget-wals.js';
import { putPredecessorsRight } from './predecessors.js';
import { rebuildWal } from './rebuild-wal.js';
import { encodeBatchPrefix } from './torn-batch.js';

export interface WalRepairRequest {
  mode: RecoveryMode;
  /** Where a column family's tables are ahead of the damage: keep the later WALs over the hole. */
  acceptHole?: boolean;
}

/** A live WAL, what a mode makes of it, and what it holds. */
export interface WalState {
  entry: InventoryEntry;
  place: Place;
  outcome: WalOutcome;
  facts: WalFacts;
  /** Something in it is damaged, torn or suspicious. */
  hurt: boolean;
  /** Size that the repair gives it; `undefined`: removed. */
  newSize: number | undefined;
}

/**
 * Plans what makes the WALs such that the engine opens them, even in absolute-consistency mode, at exactly the state that a
 * recovery mode promises. A batch that RocksDB refuses in every mode ends the log as a bad checksum would. Refuses where
 * there is no such state. A database that needs nothing gets a plan without steps.
 */
export async function planWalRepair(database: Database, request: WalRepairRequest): Promise<RepairPlan> {
  const { mode } = request;
  const view = databaseView(database);
  const prepared = await prepareOpen(view, database.engineVersion);
  const first = await simulateOpen(prepared, mode, undefined, true);
  const { outcome, acceptedHole } = await chooseOutcome(first, request, (other) =>
    simulateOpen(prepared, other, undefined, true),
  );
  const wals = await readWals(database, outcome);
  const steps: RepairStep[] = [];
  const loss: LossStatement[] = [];
  if (wals.some((w) => w.hurt || w.outcome.state === 'dropped')) {
    for (const wal of wals) await planWal(wal, steps, loss);
    for (const step of putPredecessorsRight(wals, steps)) replaceStep(steps, step);
    steps.push(...forgetWals(database, wals));
  }
  return {
    schemaVersion: 1,
    target: database.target,
    strategy: mode,
    engineVersion: formatVersion(database.engineVersion),
    inputs: await inputsOf(database, steps),
    // later files go first: what is left at any moment is a beginning of the history
    steps: inOrder(steps),
    loss,
    remarks: remarksOf(outcome, acceptedHole, steps),
  };
}

/** The mode's own outcome when it opens; over a hole where that was accepted; else a refusal that says why. */
async function chooseOutcome(
  outcome: RecoveryOutcome,
  { mode, acceptHole = false }: WalRepairRequest,
  simulate: (mode: RecoveryMode) => Promise<RecoveryOutcome>,
): Promise<{ outcome: RecoveryOutcome; acceptedHole: boolean }> {
  if (outcome.opens) return { outcome, acceptedHole: false };
  const why = outcome.errorText ?? 'the engine refuses to open it';
  const where = outcome.errorFile === undefined ? '' : ` (${outcome.errorFile})`;
  if (outcome.errorKind === 'inconsistency' && mode === 'point-in-time') {
    if (acceptHole) return { outcome: await simulate('skip-any-corrupted'), acceptedHole: true };
    throw new Refusal(
      'refused',
      `there is no consistent point: ${why}. Tables already hold writes from behind the damage, and no cut of the WALs takes them back`,
      'restore a backup; or keep what is behind the damage over the hole: --accept-hole, or --strategy salvage',
    );
  }
  throw new Refusal(
    'refused',
    `${mode} does not lead to a database that opens: ${why}${where}`,
    outcome.wals.length === 0
      ? 'this is not about the WALs: see kvdoctor scan'
      : 'see what each mode would do: kvdoctor simulate',
  );
}

async function readWals(database: Database, outcome: RecoveryOutcome): Promise<WalState[]> {
  const states: WalState[] = [];
  for (const entry of liveWals(database)) {
    const replayed = outcome.wals.find((w) => w.file === entry.file);
    if (replayed === undefined || replayed.state === 'not-needed') continue;
    const source = await openSource(entry.source);
    try {
      const { findings, facts } = await checkWal(source, {
        file: entry.file,
        number: entry.number ?? 0n,
        depth: 'full',
        recycling: database.options.recycleLogFileNum > 0,
      });
      const hurt = findings.some((f) => f.severity !== 'note') || replayed.torn !== undefined;
      states.push({
        entry,
        place: entry.root === undefined ? { path: entry.file } : { path: entry.file, root: entry.root },
        outcome: replayed,
        facts: facts as WalFacts,
        hurt,
        newSize: entry.size,
      });
    } finally {
      await source.close();
    }
  }
  return states;
}

async function planWal(wal: WalState, steps: RepairStep[], loss: LossStatement[]): Promise<void> {
  const { entry, place, outcome } = wal;
  if (outcome.state === 'dropped') {
    wal.newSize = undefined;
    steps.push({
      action: 'remove',
      ...place,
      why: 'it follows the damage and does not continue the sequence there: recovery would drop it whole',
      changes: [{ kind: 'remove-file', offset: 0, length: entry.size, detail: describeRecords(wal) }],
    });
    loss.push({ ...lostFile(place), detail: `all of it: ${describeRecords(wal)}`, facts: sequencesOf(wal) });
    return;
  }
  const source = await openSource(entry.source);
  try {
    const { torn } = outcome;
    const rebuilt = await rebuildWal(source, place, entry.number ?? 0n, {
      record: ({ offset, end, batch }) => {
        if (torn?.offset === offset) return encodeBatchPrefix(batch, torn.takenEnd);
        return outcome.applied.some((r) => offset >= r.from && end <= r.to) ? batch : undefined;
      },
    });
    if (rebuilt.prefix === entry.size) return;
    wal.newSize = rebuilt.size;
    const gone = entry.size - rebuilt.prefix;
    const rewritten =
      rebuilt.rewritten > 0 ? `, ${rebuilt.rewritten} records behind it are written anew` : '';
    steps.push({
      action: 'write',
      ...place,
      why: outcome.stopError
        ? `recovery stops here: ${outcome.stopError.message}`
        : 'behind the last record that recovery applies there is nothing that it reads',
      changes: [
        {
          kind: rebuilt.rewritten > 0 ? 'rewrite' : 'cut',
          offset: rebuilt.prefix,
          length: gone,
          detail: `${gone} bytes from ${rebuilt.prefix} to the end are left out${rewritten}`,
        },
      ],
      content: rebuilt.content,
    });
    if (outcome.stoppedAt !== undefined || outcome.silentDrops.length > 0 || outcome.reports.length > 0) {
      loss.push({
        ...lostFile(place),
        detail: `what recovery does not apply of it, from ${outcome.stoppedAt ?? rebuilt.prefix} on`,
        facts: { from: outcome.stoppedAt ?? rebuilt.prefix, bytes: gone },
      });
    }
  } finally {
    await source.close();
  }
}

function lostFile({ path, root }: Place): Pick<LossStatement, 'file' | 'root'> {
  return root === undefined ? { file: path } : { file: path, root };
}

function describeRecords({ facts, entry }: WalState): string {
  const { records, firstSequence, nextSequence } = facts;
  if (firstSequence === undefined) return `${entry.size} bytes, no whole batch`;
  return `${records} records, sequences ${firstSequence}–${(nextSequence ?? firstSequence + 1n) - 1n}`;
}

function sequencesOf({ facts }: WalState): LossStatement['facts'] {
  const { firstSequence, nextSequence, records } = facts;
  if (firstSequence === undefined) return { records };
  return {
    records,
    firstSequence: String(firstSequence),
    lastSequence: String((nextSequence ?? firstSequence + 1n) - 1n),
  };
}

/** The MANIFEST and CURRENT decide which WALs count; the WALs themselves are what is cut. */
async function inputsOf(database: Database, steps: readonly RepairStep[]): Promise<RepairPlan['inputs']> {
  if (steps.length === 0) return [];
  const places = new Map<string, Place>();
  const metadata = [database.current?.entry, database.manifest?.entry, ...liveWals(database)];
  for (const entry of metadata) {
    if (entry === undefined) continue;
    places.set(`${entry.root ?? ''}/${entry.file}`, {
      path: entry.file,
      ...(entry.root !== undefined && { root: entry.root }),
    });
  }
  return Promise.all([...places.values()].map((place) => fileState(database.target, place)));
}

/** A later step for a file takes the place of an earlier one. */
function replaceStep(steps: RepairStep[], step: RepairStep): void {
  const at = steps.findIndex((s) => placeKey(s) === placeKey(step));
  if (at < 0) steps.push(step);
  else steps[at] = step;
}

function inOrder(steps: readonly RepairStep[]): RepairStep[] {
  const removals = steps.filter((s) => s.action === 'remove').reverse();
  return [...removals, ...steps.filter((s) => s.action !== 'remove').reverse()];
}

function remarksOf(outcome: RecoveryOutcome, acceptedHole: boolean, steps: readonly RepairStep[]): string[] {
  const remarks: string[] = [];
  if (acceptedHole || (steps.length > 0 && leavesHole(outcome))) {
    remarks.push(
      'a hole is accepted: writes behind the damage are kept although writes before them are lost, so the result is a state that the database never had',
    );
  }
  const undecided = outcome.transactions.length;
  if (undecided > 0) remarks.push(`${undecided} prepared transactions are undecided and stay so`);
  return remarks;
}

function leavesHole({ mode, wals }: RecoveryOutcome): boolean {
  if (mode === 'point-in-time') return false;
  const hurt = wals.findIndex(
    (w) => w.reports.length > 0 || w.silentDrops.length > 0 || w.applied.length > 1,
  );
  return hurt >= 0 && (wals[hurt].applied.length > 1 || wals.slice(hurt + 1).some((w) => w.records > 0));
}
