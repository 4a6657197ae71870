import { isApplicationRule } from '../../app/applications.js';
import { profileOfView } from '../../app/profile-of.js';
import type { IncoherentKey, IncoherentKeys, KeyRebuild, RebuildOptions } from '../../app/rebuild.js';
import type { BatchOpInput } from '../../encode/batch/encode.js';
import type { Database } from '../../engine/database.js';
import { commandOn } from '../../engine/given-options.js';
import type { Finding } from '../../finding/finding.js';
import { openView } from '../../lsm/recovered-view.js';
import type { View } from '../../lsm/view.js';
import { emptyPlan } from '../empty-plan.js';
import type { LossStatement, ObjectChange, RepairPlan } from '../plan.js';
import { databaseAfter } from '../preview.js';
import { Refusal } from '../refusal.js';
import { appendBatches } from './append-batches.js';
import { inputsOf, readWalStates, type WalState } from './wal-state.js';

interface ApplicationRepairRequest {
  /** What a scan of the directory as it is has found. Default: only the WALs are looked at. */
  findings?: readonly Finding[];
  /** Delete elements of values that are no more, too. */
  dropOrphans?: boolean;
  /** Make elements reachable again that no command reaches: they may have been taken away. */
  bringBack?: boolean;
}

/** Bytes of operations that a plan holds. */
const MOST_BYTES = 256 << 20;
/** Operations of one batch. */
const BATCH = 10_000;

/**
 * Plans to make keys coherent from what is there, by the rules of their application. The changes are batches of their own after
 * the last one in the WALs; nothing that is there is changed or moved. What is not decided by it is left alone, with the reason. Refuses where the files themselves need a repair first, or where nothing can be
 * done about what is wrong.
 */
export async function planApplicationRepair(
  database: Database,
  request: ApplicationRepairRequest = {},
): Promise<RepairPlan> {
  const wals = await readWalStates(database);
  refuseDamaged(database, wals, request.findings ?? []);
  const { view, rebuild } = await openIncoherent(database);
  try {
    const found = await rebuild.incoherent(view);
    refuseUnread(found);
    const work = new Work({ bringBack: request.bringBack ?? false });
    for (const key of found.keys) await work.rebuild(key);
    if (request.dropOrphans) await work.dropOrphans(view, rebuild);
    work.refuseNothing();
    const plan = await planOf(database, wals, view.sequence, work, found);
    if (plan.steps.length > 0) await checkResult(database, plan, work.rebuilt);
    return plan;
  } finally {
    view.close();
  }
}

/** What readers see of a database, and how its application rebuilds keys. Refuses where it does not, and what does not open. */
export async function openIncoherent(database: Database): Promise<{ view: View; rebuild: KeyRebuild }> {
  const { view, reason } = await openView(database);
  if (view === undefined) {
    throw new Refusal(
      'refused',
      reason,
      'repair the files first',
      commandOn(database, 'repair --strategy auto --dry-run'),
    );
  }
  const profile = await profileOfView(view, database);
  if (profile?.rebuild !== undefined) return { view, rebuild: profile.rebuild };
  view.close();
  throw new Refusal(
    'refused',
    profile === undefined
      ? 'no application is recognised in it, and only by the rules of one is anything rebuilt'
      : `it is a database of ${profile.title}, of which kvdoctor rebuilds nothing`,
    'what the application itself brings to check and rebuild is the way',
  );
}

/** Rebuilding reads what is there: of files that are damaged it would take the damage for the truth. */
export function refuseDamaged(
  database: Database,
  wals: readonly Pick<WalState, 'hurt' | 'entry'>[],
  findings: readonly Finding[],
): void {
  const damage = findings.filter(({ severity, rule }) => severity === 'error' && !isApplicationRule(rule));
  const hurt = wals.find((wal) => wal.hurt);
  if (damage.length === 0 && hurt === undefined) return;
  const [first] = damage;
  const what =
    first === undefined
      ? `${hurt!.entry.file} is torn or damaged`
      : `${first.file} is damaged (${first.rule}${damage.length > 1 ? `, and ${damage.length - 1} findings more` : ''})`;
  const proven = damage.length > 0 && damage.every(({ cause }) => cause?.restores === true);
  const inLogs = damage.every(({ file }) => file.endsWith('.log'));
  const way = proven ? '--strategy heal' : inLogs ? '--mode point-in-time' : '--strategy auto';
  throw new Refusal(
    'refused',
    `the files have to be whole before keys are rebuilt from them: ${what}`,
    'repair the files first',
    commandOn(database, `repair ${way} --dry-run`),
  );
}

export function refuseUnread({ unread }: IncoherentKeys): void {
  if (unread === undefined) return;
  throw new Refusal('refused', `not every key can be read: ${unread}`, 'kvdoctor scan tells what is damaged');
}

/** What is to be written, and what becomes of each key. */
class Work {
  readonly batches: BatchOpInput[][] = [];
  readonly objects: ObjectChange[] = [];
  readonly loss: LossStatement[] = [];
  /** Ids of keys that must be coherent afterwards. */
  readonly rebuilt = new Set<string>();
  private bytes = 0;
  private left = 0;
  /** Other ways that reasons name. */
  private readonly otherWays = new Set<string>();

  constructor(private readonly options: RebuildOptions) {}

  async rebuild(key: IncoherentKey): Promise<void> {
    const { facts, result } = await key.rebuild(this.options);
    if ('reason' in result) {
      this.left++;
      if (result.otherWay !== undefined) this.otherWays.add(result.otherWay);
      this.objects.push({ action: 'leave', detail: result.reason, facts });
      return;
    }
    this.take(result.ops);
    if (result.lost !== undefined) {
      const { detail, facts: lost } = result.lost;
      this.loss.push({ file: '.', detail, facts: { ...key.named, ...lost } });
    }
    this.rebuilt.add(key.id);
    this.objects.push({ action: 'rebuild', detail: result.detail, facts: { ...facts, ...result.facts } });
  }

  async dropOrphans(view: View, rebuild: KeyRebuild): Promise<void> {
    let ops: BatchOpInput[] = [];
    let count = 0;
    await rebuild.orphans(view, MOST_BYTES / 8, (op) => {
      ops.push(op);
      count++;
      if (ops.length < BATCH) return;
      this.take(ops);
      ops = [];
    });
    if (ops.length > 0) this.take(ops);
    if (count === 0) return;
    this.objects.push({
      action: 'drop',
      detail: `${count} elements of values that are no more are deleted, as compaction would`,
      facts: { elements: count },
    });
  }

  /** Refuses when keys are broken and nothing can be done for any. */
  refuseNothing(): void {
    if (this.batches.length > 0 || this.left === 0) return;
    const reasons = [...new Set(this.objects.map(({ detail }) => detail))];
    const more = reasons.length > 3 ? `; and ${reasons.length - 3} reasons more` : '';
    throw new Refusal(
      'refused',
      `of the keys that break rules (${this.left}) none can be rebuilt: ${reasons.slice(0, 3).join('; ')}${more}`,
      this.otherWays.has('commands')
        ? 'see what would be: kvdoctor repair --strategy application --emit redis'
        : this.otherWays.has('bring-back')
          ? 'see what would be: kvdoctor repair --strategy application --bring-back --dry-run'
          : 'compare with a replica or a backup: kvdoctor compare A B',
    );
  }

  private take(ops: readonly BatchOpInput[]): void {
    for (const { key, value } of ops) this.bytes += key.length + (value?.length ?? 0) + 32;
    if (this.bytes > MOST_BYTES) {
      throw new Refusal(
        'refused',
        `more than ${MOST_BYTES >> 20} MiB would have to be written`,
        'rebuild keys through the server: kvdoctor repair --strategy application --emit redis',
      );
    }
    if (ops.some(({ kind }) => kind !== 'log-data')) this.batches.push([...ops]);
  }
}

async function planOf(
  database: Database,
  wals: readonly WalState[],
  lastSequence: bigint,
  { batches, objects, loss }: Work,
  { more, keys }: IncoherentKeys,
): Promise<RepairPlan> {
  const count = batches.reduce((sum, ops) => sum + ops.filter(({ kind }) => kind !== 'log-data').length, 0);
  const from = lastSequence + 1n;
  const to = lastSequence + BigInt(count);
  const steps =
    count === 0
      ? []
      : [
          appendBatches(database, wals, {
            batches,
            lastSequence,
            why: 'what follows from the elements of keys is written after all that is there',
            detail: `${count} operations in ${batches.length} batches, sequences ${from}–${to}`,
          }),
        ];
  const remarks: string[] = [];
  if (steps.length > 0) {
    remarks.push(
      'no element is changed',
      'replicas get the batches like any other write once the server runs; one that is itself incoherent needs a full synchronisation',
    );
  }
  if (more > 0)
    remarks.push(
      `${more} more keys break rules than the ${keys.length} that are looked at: repair once more`,
    );
  return {
    ...emptyPlan(database, 'application'),
    inputs: await inputsOf(database, steps),
    steps,
    loss,
    remarks,
    ...(objects.length > 0 && { objects }),
  };
}

/** Holds the planned files against what is promised: every rebuilt key keeps all rules. */
async function checkResult(
  database: Database,
  plan: RepairPlan,
  rebuilt: ReadonlySet<string>,
): Promise<void> {
  const { view, rebuild } = await openIncoherent(await databaseAfter(database, plan));
  try {
    const { keys } = await rebuild.incoherent(view);
    const still = keys.find(({ id, mustKeep }) => mustKeep !== undefined && rebuilt.has(id));
    if (still === undefined) return;
    throw new Refusal(
      'refused',
      `a rebuilt key would still break ${still.mustKeep}; nothing was changed`,
      'this is a fault of kvdoctor: please report it, and keep the directory as it is',
    );
  } finally {
    view.close();
  }
}
