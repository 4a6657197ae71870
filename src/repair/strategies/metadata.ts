import type { Database } from '../../engine/database.js';
import { commandOn } from '../../engine/given-options.js';
import type { Finding } from '../../finding/finding.js';
import { fileName } from '../../format/filename.js';
import type { InventoryEntry } from '../../io/inventory.js';
import { disordersOf, isSettled } from '../../states/disorder.js';
import { tablesOf } from '../../states/holdings.js';
import { isOwn } from '../../states/join.js';
import { listStates } from '../../states/list.js';
import { isAsItIs, type State, type States } from '../../states/state.js';
import { reasonNotRead } from '../../states/tables.js';
import { originText, stateText } from '../../states/text.js';
import { fileState } from '../content.js';
import { emptyPlan } from '../empty-plan.js';
import { Pace } from '../pace.js';
import { type FilePlace, placeIn, placeKey, tableName, tableRoot, walRoot } from '../place.js';
import type { RepairPlan, RepairStep } from '../plan.js';
import { databaseAfter } from '../preview.js';
import { Refusal } from '../refusal.js';
import { joinPlans } from './join-plans.js';
import { correctNumbers } from './leveldb-numbers.js';
import { planRemains } from './leveldb-remains.js';
import { currentStep, FreeNumbers, versionSteps } from './metadata-write.js';
import { planMisnumberedLogs } from './misnumbered-logs.js';
import { planPebbleMetadata } from './pebble-metadata.js';
import { lossOfState, unreadTables, unreadText } from './state-loss.js';
import { unprovenOfState } from './state-unproven.js';
import { planSwappedLogs } from './swapped-logs.js';
import type { TableRepairRequest } from './tables.js';

export interface MetadataRequest extends TableRepairRequest {
  /** The state to take, by its number in the list of states; default: the one that loses least. */
  state?: number;
  /** What a scan of the directory as it is has found. */
  findings?: readonly Finding[];
}

/**
 * Plans CURRENT, MANIFEST and WALs that lead to one of the states that the files can still give: where nothing else is asked
 * for and the directory is of one moment, that is what CURRENT leads to, and nothing changes.
 */
export async function planMetadataRepair(
  database: Database,
  request: MetadataRequest = {},
): Promise<RepairPlan> {
  const logs =
    database.dialect === 'rocksdb'
      ? ((await planSwappedLogs(database)) ?? (await planMisnumberedLogs(database)))
      : undefined;
  if (logs !== undefined)
    return joinPlans(logs, await planMetadataRepair(await databaseAfter(database, logs), request));
  const { plan, to } = await planned(database, request);
  if (database.dialect !== 'leveldb' || request.state !== undefined || to === undefined) return plan;
  if (to.unread.length === 0) return plan;
  return (await withRemains(database, to, request)) ?? plan;
}

interface Planned {
  plan: RepairPlan;
  /** The state that it leads to, and tables that this goes without since they cannot be read whole. Absent where none is chosen. */
  to?: { state: State; unread: readonly InventoryEntry[] };
}

async function planned(
  database: Database,
  { state: wanted, findings = [] }: MetadataRequest,
): Promise<Planned> {
  const plan: RepairPlan = emptyPlan(database, 'metadata');
  if (database.dialect === 'pebble') return { plan: await planPebbleMetadata(database) };
  const states = await listStates(database);
  const chosen = choose(states, wanted, database) ?? besideEmpty(database, states, findings);
  const steps =
    chosen === undefined ? [] : [...stepsTo(database, chosen), ...otherHistories(database, chosen, states)];
  if (chosen === undefined || steps.length === 0) {
    const own = chosen ?? states.current;
    if (own === undefined) return { plan };
    if (database.dialect === 'rocksdb')
      return { plan: { ...plan, ...(await raiseLastSequence(database, own, findings)) } };
    const numbers = await correctNumbers(database, own, states, findings);
    if (numbers.steps.length === 0) return { plan };
    const unread = unreadTables(own, states);
    const loss = [...numbers.loss, ...unread.map(unreadText)];
    return {
      plan: { ...plan, ...numbers, loss, inputs: await inputsOf(database, own) },
      to: { state: own, unread },
    };
  }
  const unread = unreadTables(chosen, states);
  await refuseUnknown(database, unread);
  const unproven = unprovenOfState(database, chosen, states);
  const made = {
    ...plan,
    steps,
    loss: lossOfState(database, chosen, states),
    ...(unproven.length > 0 && { unproven }),
    remarks: [...begunAnew(database, states), ...chosen.remarks, ...alternatives(states, chosen)],
    inputs: await inputsOf(database, chosen),
  };
  return { plan: made, to: { state: chosen, unread } };
}

/** The same with what is left of tables that it goes without, where that can be taken over. */
async function withRemains(
  database: Database,
  { state, unread }: NonNullable<Planned['to']>,
  { pace = new Pace(), ...request }: MetadataRequest,
): Promise<RepairPlan | undefined> {
  let entries: readonly InventoryEntry[] = unread.filter(({ number }) => number !== undefined);
  for (;;) {
    const remains = await planRemains(database, entries, state.version, { ...request, pace });
    if (remains.steps.length === 0) return undefined;
    const { plan, to } = await planned(await databaseAfter(database, remains), request);
    const live = new Set(to && tablesOf(to.state.version).map(({ number }) => number));
    const written = entries.filter(({ file }) => remains.steps.some(({ path }) => path === file));
    const taken = written.filter(({ number }) => live.has(number!));
    if (taken.length === written.length) return joinPlans(remains, plan);
    // of one whose remains others hold as well, nothing has to be written
    entries = taken;
  }
}

/** A table that kvdoctor does not read is not damaged: without an edit that names it the engine would delete it. */
async function refuseUnknown(database: Database, unread: readonly InventoryEntry[]): Promise<void> {
  for (const entry of unread) {
    const reason = await reasonNotRead(entry, database);
    if (reason !== undefined)
      throw new Refusal(
        'refused',
        `no MANIFEST says what ${entry.file} is to the database, and kvdoctor does not read it: ${reason}`,
        'restore the MANIFEST, or the directory, from a backup: the engine deletes tables that no MANIFEST names',
      );
  }
}

function choose(states: States, wanted: number | undefined, database: Database): State | undefined {
  if (wanted !== undefined) {
    const state = states.states[wanted - 1];
    if (state !== undefined) return state;
    const count = states.states.length;
    throw new Refusal(
      'usage',
      `there is no state ${wanted}: the files can give ${count === 1 ? 'one' : count}`,
      'a simulation lists them',
      commandOn(database, 'simulate'),
    );
  }
  const [best] = states.states;
  const { problems } = states;
  if (best === undefined) {
    if (problems.length > 0) throw new Refusal('refused', problems[0]);
    return undefined;
  }
  return isSettled(database, states) ? undefined : best;
}

/** A last sequence below that of tables, which are those that the MANIFEST names: it hides their newest entries from readers. */
async function raiseLastSequence(
  database: Database,
  own: State,
  findings: readonly Finding[],
): Promise<Partial<RepairPlan>> {
  const named = [...own.version.columnFamilies.values()].flatMap(({ tables }) => [...tables.values()]);
  const low = findings.filter(
    ({ rule, file }) =>
      rule === 'sequence/last-sequence-too-low' &&
      findings.every((other) => other.file !== file || other.rule === rule || other.severity !== 'error'),
  );
  const hidden = low.flatMap(({ evidence }) => {
    const sequence = BigInt(String(evidence?.largestSequence));
    return named.some(({ largestSequence }) => largestSequence === sequence) ? [sequence] : [];
  });
  if (hidden.length === 0) return {};
  let highest = own.version.lastSequence ?? 0n;
  for (const sequence of hidden) if (sequence > highest) highest = sequence;
  own.version.lastSequence = highest;
  return {
    steps: newManifest(database, own),
    remarks: [`the last sequence becomes ${highest}, that of the tables; readers get what they hold again`],
    inputs: await inputsOf(database, own),
  };
}

/** LevelDB's WALs may hold all that an empty MANIFEST lacks: then it is the one beside it that is taken all the same. */
function besideEmpty(
  { dialect }: Database,
  { states }: States,
  findings: readonly Finding[],
): State | undefined {
  const empty = findings.find(
    ({ rule, severity }) => rule === 'directory/current-names-empty-manifest' && severity === 'error',
  );
  if (dialect !== 'leveldb' || !Array.isArray(empty?.evidence?.larger)) return undefined;
  const [larger] = empty.evidence.larger;
  return states.find(
    (state) => state.origin.kind === 'manifest' && state.origin.manifest.file === larger && isAsItIs(state),
  );
}

/** What it costs to go back to a MANIFEST that a new database was begun beside. */
function begunAnew(database: Database, states: States): string[] {
  return disordersOf(database, states).flatMap((disorder) => {
    if (disorder.kind !== 'begun-anew') return [];
    const { begun, old } = disorder;
    const sequence = begun.replay.version.lastSequence ?? 0n;
    const cost =
      sequence === 0n
        ? 'the new one knows of nothing that was written to it'
        : `what was written to the new one, up to its sequence ${sequence}, is not part of the old one: kvdoctor export shows it`;
    return [
      `${begun.entry.file} began a new database beside the old one; ${old.entry.file} is the old one, and ${cost}`,
    ];
  });
}

/** The other states, with what they hold. */
function alternatives({ states }: States, chosen: State): string[] {
  if (states.length < 2) return [];
  return [
    `this is state ${states.indexOf(chosen) + 1} of ${states.length} that the files can give: ${stateText(chosen)}`,
    ...states.flatMap((state, i) => (state === chosen ? [] : [`--state ${i + 1}: ${stateText(state)}`])),
  ];
}

/** What has to change for CURRENT to lead to a state. */
function stepsTo(database: Database, state: State): RepairStep[] {
  const { current, manifest } = database;
  const named = current?.decoded.anomalies.length === 0 && manifest?.named ? manifest.entry : undefined;
  const files = [...movedTables(database, state), ...walSteps(database, state)];
  const { origin } = state;
  if (origin.kind === 'manifest' && origin.manifest.place === 'database' && isAsItIs(state)) {
    const refused = origin.manifest === manifest?.entry && manifest.replay.error !== undefined;
    if (origin.manifest === named && !refused) return [];
    if (refused) return [...files, ...newManifest(database, state)];
    const why = current === undefined ? 'CURRENT is missing' : 'CURRENT does not name the MANIFEST to use';
    const { name } = origin.manifest;
    return [currentStep(database, name, `${why}; ${name} is whole and fits the tables`)];
  }
  return [...files, ...newManifest(database, state)];
}

function newManifest(database: Database, state: State): RepairStep[] {
  const { version } = state;
  version.trackedWals = new Map();
  return versionSteps(
    { ...database, version },
    version,
    new FreeNumbers(database),
    `the state is that of ${originText(state)}`,
  );
}

/** MANIFESTs of a second opener or a RepairDB, whose histories are not taken. */
function otherHistories(database: Database, chosen: State, states: States): RepairStep[] {
  const { origin } = chosen;
  const own = 'manifest' in origin ? origin.manifest : undefined;
  const opened = disordersOf(database, states).some(
    ({ kind }) => kind === 'second-opener' || kind === 'repaired',
  );
  const last = chosen.version.lastSequence ?? 0n;
  return states.manifests.flatMap(({ entry, replay }) => {
    if (entry === own || entry.place !== 'database') return [];
    if (!opened && (replay.version.lastSequence ?? 0n) <= last) return [];
    return {
      action: 'remove',
      path: entry.file,
      why: 'it leads to the other history',
      changes: [{ kind: 'remove-file', offset: 0, length: entry.size, detail: 'all of it' }],
    } satisfies RepairStep;
  });
}

/** Tables that lie in lost/ or under another name get their own. */
function movedTables({ inventory }: Database, { moved }: State): RepairStep[] {
  return moved.map(({ entry, live }) =>
    copyStep(
      entry,
      placeIn(tableRoot(inventory, live.pathId), tableName(inventory, live.number)),
      `the version names table ${live.number}, which lies in ${entry.file}`,
    ),
  );
}

/** WALs that belong to the state come to where they are read, those that do not leave. */
function walSteps(database: Database, { wals, strange }: State): RepairStep[] {
  const steps: RepairStep[] = [];
  for (const { wal, number } of wals) {
    const { entry } = wal;
    if (isOwn(entry) && number === wal.number) continue;
    const why =
      number === wal.number
        ? `the state needs the WAL, which lies in ${entry.file}`
        : `the sequences of ${entry.file} belong under number ${number}`;
    steps.push(copyStep(entry, placeIn(walRoot(database), fileName('wal', number)), why));
  }
  const written = new Set(steps.map(placeKey));
  for (const { entry } of strange) {
    const place = placeIn(entry.root, entry.file);
    if (!isOwn(entry) || written.has(placeKey(place))) continue;
    steps.push({
      action: 'remove',
      ...place,
      why: 'its sequences do not connect to the state',
      changes: [{ kind: 'remove-file', offset: 0, length: entry.size, detail: 'all of it' }],
    });
  }
  return steps;
}

/** A file from elsewhere, at the place where the engine looks for it. */
function copyStep({ file, root, size }: InventoryEntry, to: FilePlace, why: string): RepairStep {
  return {
    action: 'write',
    ...to,
    why,
    changes: [{ kind: 'create-file', offset: 0, length: size, detail: `the content of ${file}` }],
    content: [{ from: 'file', ...placeIn(root, file), offset: 0, length: size }],
  };
}

function inputsOf({ inventory, target }: Database, { wals, moved }: State): Promise<RepairPlan['inputs']> {
  const kinds = new Set(['current', 'manifest', 'options', 'wal', 'table', 'blob']);
  const used = new Set<InventoryEntry>([
    ...wals.map(({ wal }) => wal.entry),
    ...moved.map(({ entry }) => entry),
  ]);
  const entries = inventory.entries.filter(
    (entry) =>
      used.has(entry) || (kinds.has(entry.kind) && entry.place !== 'lost' && entry.place !== 'archive'),
  );
  return Promise.all(entries.map(({ file, root }) => fileState(target, placeIn(root, file))));
}
