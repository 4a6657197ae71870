import { namedKey } from '../../app/command-lines.js';
import { LostTallies } from '../../app/lost.js';
import type { Profile } from '../../app/profile.js';
import { append } from '../../bytes/append.js';
import { type Database, filesOf, liveWals } from '../../engine/database.js';
import { commandOn } from '../../engine/given-options.js';
import { asPebbleOpens } from '../../engine/pebble-opened.js';
import { formatVersion } from '../../engine/version.js';
import { counted } from '../../finding/quantity.js';
import { dialectNamed } from '../../format/dialect.js';
import { lastSegments, segmentIn } from '../../format/filename.js';
import { databaseView } from '../../recovery/database-view.js';
import { lossesOf } from '../../recovery/loss.js';
import type { RaftRecoveryMode } from '../../recovery/mode.js';
import { modesOf, type RecoveryMode } from '../../recovery/mode.js';
import { familiesOf, prepareOpen, simulateOpen } from '../../recovery/open.js';
import type { RecoveryOutcome, WalOutcome } from '../../recovery/outcome.js';
import type { Simulation } from '../../recovery/simulate.js';
import { exportCommand } from '../../scan/refused-formats.js';
import { emptyPlan } from '../empty-plan.js';
import type { LossStatement, RepairPlan, RepairStep } from '../plan.js';
import { Refusal } from '../refusal.js';
import { planFirstWal } from './first-wal.js';
import { forgetWals } from './forget-wals.js';
import { LostDeletions } from './lost-deletions.js';
import { lostIngests } from './lost-ingests.js';
import { undecidedStatement } from './operation-facts.js';
import { putPredecessorsRight } from './predecessors.js';
import { rebuildWal } from './rebuild-wal.js';
import { encodeBatchPrefix } from './torn-batch.js';
import {
  describeRecords,
  inOrder,
  inputsOf,
  lostFile,
  readWalStates,
  replaceStep,
  sequencesOf,
  type WalState,
} from './wal-state.js';

export interface WalRepairRequest {
  /** One of the engine that the database is of. */
  mode: RecoveryMode | RaftRecoveryMode;
  /** Where a column family's tables are ahead of the damage: keep the later WALs over the hole. */
  acceptHole?: boolean;
  /** The application that the database belongs to: what is lost is said in its words. */
  profile?: Profile;
  /** What the recovery modes would do with these very files, all of which can be read. Default: the mode is simulated. */
  simulation?: Simulation;
}

/** A live WAL and what a mode makes of it. */
interface ReplayedWal extends WalState {
  outcome: WalOutcome;
}

/**
 * Plans what makes the WALs such that the engine opens them, even in absolute-consistency mode, at exactly the state that a
 * recovery mode promises. A batch that RocksDB refuses in every mode ends the log as a bad checksum would. Refuses where
 * there is no such state. A database that needs nothing gets a plan without steps.
 */
export async function planWalRepair(given: Database, request: WalRepairRequest): Promise<RepairPlan> {
  const database = await asPebbleOpens(given);
  const mode = engineMode(database, request.mode);
  const begun = planFirstWal(database, mode);
  if (begun !== undefined) return begun;
  const { open } = filesOf(database);
  // the repaired files lie where they can be read
  const prepared =
    request.simulation?.prepared ?? (await prepareOpen(databaseView(database, open), database.engineVersion));
  // a mode that opens has met nothing that the engine refuses in every mode; over a hole inside a log Pebble opens
  const isKnown = !liveWals(database).some(({ name }) => segmentIn(name) > 0);
  const modes = isKnown ? request.simulation?.modes : undefined;
  const known = modes?.find((each) => each.mode === mode && each.opens);
  const first = known ?? (await simulateOpen(prepared, mode, undefined, true));
  const { outcome, acceptedHole } = await chooseOutcome(database, first, request, (other) =>
    simulateOpen(prepared, other, undefined, true),
  );
  const wals = await readWals(database, outcome);
  const steps: RepairStep[] = [];
  const loss: LossStatement[] = [];
  const isCut = ({ hurt, outcome: { state } }: ReplayedWal) => hurt || state === 'dropped';
  if (wals.some(isCut)) {
    // Pebble's logs are written over older ones and end in a mark: what stands after the records of a whole one belongs there
    const changing = database.dialect === 'pebble' ? wals.filter(isCut) : wals;
    for (const wal of changing) await planWal(wal, database, steps, loss);
    for (const step of putPredecessorsRight(wals, steps)) replaceStep(steps, step);
    append(steps, forgetWals(database, wals));
    append(loss, await totalLoss(database, outcome, request.profile));
    append(loss, await lostIngests(database, wals.filter(isCut)));
  }
  const undecided = steps.length > 0 ? undecidedIn(database, outcome, request.profile) : [];
  return {
    ...emptyPlan(database, mode),
    inputs: await inputsOf(database, steps),
    // later files go first: what is left at any moment is a beginning of the history
    steps: inOrder(steps),
    loss,
    ...(undecided.length > 0 && { undecided }),
    remarks: remarksOf(outcome, acceptedHole, steps, database),
  };
}

/** Modes are of one engine: refuses those of another. */
export function engineMode({ dialect }: Database, asked: WalRepairRequest['mode']): RecoveryMode {
  const modes = modesOf(dialect);
  const mode = modes.find((each) => each === asked);
  if (mode !== undefined) return mode;
  throw new Refusal(
    'usage',
    `${dialectNamed(dialect).names.engine} has no recovery mode ${asked}`,
    `it opens in one of these: ${modes.join(', ')}`,
  );
}

/** The mode's own outcome when it opens; over a hole where that was accepted; else a refusal that says why. */
async function chooseOutcome(
  database: Database,
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
      `there is no consistent point: ${why}. Tables already hold writes from after the damage, and no cut of the WALs takes them back`,
      'restore a backup; or keep what is after the damage over the hole: --accept-hole, or --strategy salvage',
    );
  }
  if (outcome.errorKind === 'unsupported') {
    const text = `${dialectNamed(database.dialect).names.engine} ${formatVersion(database.engineVersion)} does not read this: ${why}`;
    throw new Refusal('refused', text, 'export it in a format that it reads', exportCommand(database));
  }
  throw new Refusal(
    'refused',
    `${mode} does not lead to a database that opens: ${why}${where}`,
    outcome.wals.length === 0
      ? 'this is not about the contents of the WALs: another plan tells what the files can still give'
      : 'a simulation tells what each mode would do',
    commandOn(database, outcome.wals.length === 0 ? 'repair --strategy auto --dry-run' : 'simulate'),
  );
}

async function readWals(database: Database, outcome: RecoveryOutcome): Promise<ReplayedWal[]> {
  const states: ReplayedWal[] = [];
  const live = await readWalStates(database);
  const ends = new Set(lastSegments(live.map(({ entry }) => entry)));
  for (const state of live) {
    const replayed = outcome.wals.find((w) => w.file === state.entry.file);
    if (replayed === undefined || replayed.state === 'not-needed') continue;
    // the next segment of a log of Pebble has what this one lacks, unless the replay stopped here
    const goesOn = database.dialect === 'pebble' && !ends.has(state.entry);
    const isEnd = !goesOn || replayed.stopError !== undefined;
    states.push({
      ...state,
      outcome: replayed,
      hurt: (isEnd && state.hurt) || replayed.torn !== undefined || isOfIngest(replayed),
      newLastSequence: replayed.lastSequence ?? 0n,
    });
  }
  return states;
}

/** A table that the WAL brings in is what stops recovery: the WAL itself may be whole. */
function isOfIngest({ stopError }: WalOutcome): boolean {
  return stopError?.kind === 'missing-file' || stopError?.kind === 'table';
}

async function planWal(
  wal: ReplayedWal,
  database: Database,
  steps: RepairStep[],
  loss: LossStatement[],
): Promise<void> {
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
  const { dialect } = database;
  const source = await filesOf(database).open(entry.source);
  try {
    const { torn } = outcome;
    const rebuilt = stopsAtPredecessor(wal)
      ? { content: [], prefix: 0, rewritten: 0, size: 0 }
      : await rebuildWal(
          source,
          place,
          { number: entry.number ?? 0n, dialect },
          {
            record: ({ offset, end, batch }) => {
              if (torn?.offset === offset) return encodeBatchPrefix(batch, torn.takenEnd, dialect);
              return outcome.applied.some((r) => offset >= r.from && end <= r.to) ? batch : undefined;
            },
          },
        );
    if (rebuilt.prefix === entry.size) return;
    wal.newSize = rebuilt.size;
    const gone = entry.size - rebuilt.prefix;
    const rewritten =
      rebuilt.rewritten > 0
        ? `, ${counted(rebuilt.rewritten, 'record')} after it ${rebuilt.rewritten === 1 ? 'is' : 'are'} written anew`
        : '';
    steps.push({
      action: 'write',
      ...place,
      why: outcome.stopError
        ? `recovery stops here: ${outcome.stopError.message}`
        : 'after the last record that recovery applies there is nothing that it reads',
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
      const from = Math.min(outcome.stoppedAt ?? rebuilt.prefix, rebuilt.prefix);
      const missing = outcome.silentDrops.find((drop) => drop.missing)?.missing;
      loss.push({
        ...lostFile(place),
        detail: `what recovery does not apply of it, from ${from} on${missing ? `: of sequences ${missing.from}–${missing.to} what no table has` : ''}`,
        facts: { from, bytes: gone },
      });
    }
  } finally {
    await source.close();
  }
}

/** It names a WAL before it that is not there: kept, that record alone makes the stricter modes refuse. */
function stopsAtPredecessor({
  outcome: { records, stoppedAt },
  facts: { predecessor },
}: ReplayedWal): boolean {
  return (
    records === 0 && stoppedAt !== undefined && predecessor !== undefined && stoppedAt <= predecessor.offset
  );
}

/** What the WALs still hold and the mode does not apply, in operations, sequences, column families and keys. */
async function totalLoss(
  database: Database,
  outcome: RecoveryOutcome,
  profile: Profile | undefined,
): Promise<LossStatement[]> {
  const { version, options } = database;
  const families = version === undefined ? [] : familiesOf(version, options);
  const words = profile && new LostTallies(profile);
  const deletions = database.dialect === 'pebble' ? new LostDeletions(database.dialect) : undefined;
  const [lost] = await lossesOf(databaseView(database, filesOf(database).open).wals, families, [outcome], {
    dialect: database.dialect,
    recycling: options.recycleLogFileNum > 0,
    onLost: (batch, outcomes, damaged) => {
      words?.add(batch, outcomes, damaged);
      deletions?.add(batch, damaged);
    },
  });
  const commands = words?.of(0);
  if (lost === undefined || (lost.records === 0 && lost.damagedBytes === 0)) return [];
  const span =
    lost.firstSequence === undefined ? '' : `, sequences ${lost.firstSequence}–${lost.lastSequence}`;
  const perFamily = lost.columnFamilies.map(({ id, name, operations, firstKey, lastKey }) => ({
    name,
    operations,
    ...(firstKey && { firstKey: namedKey(firstKey, id, profile) }),
    ...(lastKey && { lastKey: namedKey(lastKey, id, profile) }),
  }));
  const commits = lost.commits > 0 ? `, ${counted(lost.commits, 'commit')} of transactions` : '';
  const decoded =
    lost.records === 0
      ? 'nothing that decodes'
      : `${counted(lost.operations, 'operation')} in ${counted(lost.records, 'record')} that decode${lost.records === 1 ? 's' : ''}${span}${commits}`;
  const damaged = counted(lost.damagedBytes, 'damaged byte');
  const parts =
    lost.records === 0 ? [damaged, decoded] : [decoded, ...(lost.damagedBytes > 0 ? [damaged] : [])];
  return [
    {
      file: '.',
      detail: `in all ${parts.join(', and ')}`,
      facts: {
        operations: lost.operations,
        records: lost.records,
        damagedBytes: lost.damagedBytes,
        ...(lost.commits > 0 && { commits: lost.commits }),
        ...(lost.firstSequence !== undefined && { firstSequence: String(lost.firstSequence) }),
        ...(lost.lastSequence !== undefined && { lastSequence: String(lost.lastSequence) }),
        columnFamilies: perFamily,
        ...(commands && { commands: { ...commands } }),
      },
    },
    ...(deletions?.statements('.') ?? []),
  ];
}

/** Transactions that are prepared in what is kept and not decided there. */
function undecidedIn(
  { dialect, version }: Database,
  { transactions, wals }: RecoveryOutcome,
  profile: Profile | undefined,
): LossStatement[] {
  const names = { dialect, families: version?.columnFamilies ?? new Map(), profile };
  return transactions.map(({ name, batches }) => {
    const file = wals.find(({ number }) => number === batches[0]?.wal)?.file ?? '.';
    const operations = batches.flatMap(({ ops = [] }) => ops);
    return undecidedStatement(file, Buffer.from(name, 'latin1'), operations, names);
  });
}

function remarksOf(
  outcome: RecoveryOutcome,
  acceptedHole: boolean,
  steps: readonly RepairStep[],
  { dialect, options: { paranoidChecks: paranoid } }: Database,
): string[] {
  const remarks: string[] = [];
  if (acceptedHole || (steps.length > 0 && leavesHole(outcome, paranoid))) {
    const why =
      paranoid || dialect === 'leveldb'
        ? ''
        : ' (OPTIONS sets paranoid_checks=false: the engine reads on after damage in every mode)';
    remarks.push(
      `a hole is accepted: writes after the damage are kept although writes before them are lost, so the result is a state that the database never had${why}`,
    );
  }
  if (steps.length > 0 && outcome.wals.every(({ operations }) => operations === 0)) {
    remarks.push('nothing of the WALs is left this way; kvdoctor simulate tells what would keep more');
  }
  return remarks;
}

/** Point-in-time recovery leaves none, unless errors are not heeded at all. */
function leavesHole({ mode, wals }: RecoveryOutcome, paranoid: boolean): boolean {
  if (mode === 'point-in-time' && paranoid) return false;
  const hurt = wals.findIndex(
    (w) => w.reports.length > 0 || w.silentDrops.length > 0 || w.applied.length > 1,
  );
  return hurt >= 0 && (wals[hurt].applied.length > 1 || wals.slice(hurt + 1).some((w) => w.records > 0));
}
