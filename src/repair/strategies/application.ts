import { factsOfView } from '../../app/facts.js';
import { examineKvrocks } from '../../app/kvrocks/check/examine.js';
import { idOf, KeyElements } from '../../app/kvrocks/check/key-elements.js';
import { keyEvidence } from '../../app/kvrocks/check/metadata-check.js';
import { decodeUserKey } from '../../app/kvrocks/key.js';
import { type KvrocksLayout, kvrocksLayout } from '../../app/kvrocks/layout.js';
import { valueTypes } from '../../app/kvrocks/metadata.js';
import { type BrokenKey, type BrokenKeys, brokenKeys } from '../../app/kvrocks/rebuild/broken-keys.js';
import { type RebuildOptions, rebuildKey } from '../../app/kvrocks/rebuild/rebuild.js';
import type { BatchOpInput } from '../../encode/batch/encode.js';
import type { Database } from '../../engine/database.js';
import { formatVersion } from '../../engine/version.js';
import type { Finding } from '../../finding/finding.js';
import { shellWord } from '../../finding/shell-word.js';
import { openView } from '../../lsm/recovered-view.js';
import type { View } from '../../lsm/view.js';
import type { LossStatement, ObjectChange, RepairPlan } from '../plan.js';
import { databaseAfter } from '../preview.js';
import { Refusal } from '../refusal.js';
import { appendBatches } from './append-batches.js';
import { inputsOf, readLiveWals, type WalState } from './wal-state.js';

export interface ApplicationRepairRequest {
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
 * Plans to make keys of Kvrocks coherent from the elements that are there: sizes, ends of lists, score indexes. The changes are
 * batches of their own behind the last one in the WALs; nothing that is there is changed or moved. What the elements do not
 * decide is left alone, with the reason. Refuses where the files themselves need a repair first, or where nothing can be
 * done about what is wrong.
 */
export async function planApplicationRepair(
  database: Database,
  request: ApplicationRepairRequest = {},
): Promise<RepairPlan> {
  const wals = await readLiveWals(database);
  refuseDamaged(database, wals, request.findings ?? []);
  const { view, layout } = await openKvrocks(database);
  try {
    const broken = await brokenKeys(view, layout);
    refuseUnread(broken);
    const work = new Work({ bringBack: request.bringBack ?? false });
    for (const key of broken.keys) await work.rebuild(key, view, layout);
    if (request.dropOrphans) await work.dropOrphans(view, layout);
    work.refuseNothing();
    const plan = await planOf(database, wals, view.sequence, work, broken);
    if (plan.steps.length > 0) await checkResult(database, plan, work.rebuilt);
    return plan;
  } finally {
    view.close();
  }
}

/** What readers see of a database, and how Kvrocks wrote it. Refuses what is none, and what does not open. */
export async function openKvrocks(database: Database): Promise<{ view: View; layout: KvrocksLayout }> {
  const { view, reason } = await openView(database);
  if (view === undefined) {
    throw new Refusal(
      'refused',
      reason,
      `first: kvdoctor repair --strategy auto ${shellWord(database.target)}`,
    );
  }
  const layout = await kvrocksLayout(factsOfView(view));
  if (layout !== undefined) return { view, layout };
  view.close();
  throw new Refusal(
    'refused',
    'it is no database of Kvrocks, and of no other application anything is rebuilt',
    'what the application itself brings to check and rebuild is the way',
  );
}

/** Rebuilding reads what is there: of files that are damaged it would take the damage for the truth. */
export function refuseDamaged(
  { target }: Database,
  wals: readonly Pick<WalState, 'hurt' | 'entry'>[],
  findings: readonly Finding[],
): void {
  const damage = findings.filter(
    ({ severity, rule }) => severity === 'error' && !rule.startsWith('kvrocks/'),
  );
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
    `first: kvdoctor repair ${way} --dry-run ${shellWord(target)}`,
  );
}

export function refuseUnread({ others }: BrokenKeys): void {
  const ended = others.find(({ rule }) => rule === 'kvrocks/check-ended');
  if (ended === undefined) return;
  throw new Refusal(
    'refused',
    `not every key can be read: ${ended.message}`,
    'kvdoctor scan tells what is damaged',
  );
}

/** What is to be written, and what becomes of each key. */
class Work {
  readonly batches: BatchOpInput[][] = [];
  readonly objects: ObjectChange[] = [];
  readonly loss: LossStatement[] = [];
  /** Keys that must be coherent afterwards, as stored in column family `metadata`, in base64. */
  readonly rebuilt = new Set<string>();
  private bytes = 0;
  private left = 0;

  constructor(private readonly options: RebuildOptions) {}

  async rebuild(broken: BrokenKey, view: View, layout: KvrocksLayout): Promise<void> {
    const elements = await KeyElements.find(view, layout, broken.metadataKey);
    const result = await rebuildKey(broken, elements, this.options);
    const named = keyEvidence(decodeUserKey(broken.metadataKey, layout.slots)!);
    const facts = {
      ...named,
      ...(elements && { type: valueTypes[elements.metadata.type] }),
      rules: [...new Set(broken.faults.map(({ rule }) => rule))],
    };
    if ('reason' in result) {
      this.left++;
      this.objects.push({ action: 'leave', detail: result.reason, facts });
      return;
    }
    this.take(result.ops);
    if (result.lost !== undefined) {
      const { detail, facts: lost } = result.lost;
      this.loss.push({ file: '.', detail, facts: { ...named, ...lost } });
    }
    this.rebuilt.add(Buffer.from(broken.metadataKey).toString('base64'));
    this.objects.push({ action: 'rebuild', detail: result.detail, facts: { ...facts, ...result.facts } });
  }

  async dropOrphans(view: View, layout: KvrocksLayout): Promise<void> {
    let ops: BatchOpInput[] = [];
    let count = 0;
    const orphan = (family: 'default' | 'zset_score' | 'stream', key: Uint8Array) => {
      ops.push({ kind: 'delete', columnFamily: idOf(layout, family)!, key: key.slice() });
      count++;
      if (ops.length < BATCH) return;
      this.take(ops);
      ops = [];
    };
    await examineKvrocks(view, layout, () => {}, { now: Date.now(), budget: MOST_BYTES / 8, orphan });
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
    const option = ['--emit redis', '--bring-back'].find((name) =>
      reasons.some((reason) => reason.includes(name)),
    );
    throw new Refusal(
      'refused',
      `of the keys that break rules (${this.left}) none can be rebuilt: ${reasons.slice(0, 3).join('; ')}${more}`,
      option === undefined
        ? 'compare with a replica or a backup: kvdoctor compare A B'
        : `see what would be: kvdoctor repair --strategy application ${option}${option === '--bring-back' ? ' --dry-run' : ''}`,
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
  { more, keys }: BrokenKeys,
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
            why: 'what follows from the elements of keys is written behind all that is there',
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
    schemaVersion: 1,
    target: database.target,
    strategy: 'application',
    engineVersion: formatVersion(database.engineVersion),
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
  const { view, layout } = await openKvrocks(await databaseAfter(database, plan));
  try {
    const { keys } = await brokenKeys(view, layout);
    const still = keys.find(
      ({ metadataKey, faults }) =>
        rebuilt.has(Buffer.from(metadataKey).toString('base64')) &&
        faults.some(({ rule }) => rule !== 'kvrocks/wrong-family' && rule !== 'kvrocks/stream-groups'),
    );
    if (still === undefined) return;
    throw new Refusal(
      'refused',
      `a rebuilt key would still break ${still.faults[0].rule}; nothing was changed`,
      'this is a fault of kvdoctor: please report it, and keep the directory as it is',
    );
  } finally {
    view.close();
  }
}
