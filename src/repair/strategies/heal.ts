import { append } from '../../bytes/append.js';
import type { ByteSource } from '../../bytes/source.js';
import { currentThatFollows } from '../../diagnose/current.js';
import { flipBits } from '../../diagnose/flipped-source.js';
import { type LineEndings, undoLineEndings } from '../../diagnose/line-endings.js';
import { type Database, filesOf } from '../../engine/database.js';
import { keyBytes } from '../../finding/evidence.js';
import type { Cause, Finding, Range } from '../../finding/finding.js';
import { replayManifest } from '../../format/manifest/replay.js';
import type { InventoryEntry } from '../../io/inventory.js';
import type { OpenSource } from '../../io/source.js';
import { scanTarget } from '../../scan/scan.js';
import { isSound } from '../../states/manifests.js';
import { fileState } from '../content.js';
import { emptyPlan } from '../empty-plan.js';
import { type FilePlace, placeKey } from '../place.js';
import type { ByteChange, RepairPlan, RepairStep, Segment } from '../plan.js';
import { databaseAfter, filesAfter } from '../preview.js';

export interface HealRequest {
  /** What a scan of the directory as it is has found. Default: it is scanned. */
  findings?: readonly Finding[];
  /** Threads of the scans. */
  jobs?: number;
  /** Take what `findings` prove and do not look again: nothing else is read. */
  once?: boolean;
}

/** With one file put right more of the others can be read, and proven: so often it is looked again. */
const ROUNDS = 4;
/** Findings that are listed as left alone. */
const MOST_LISTED = 100;

const NOTHING = 'nothing is proven: no byte is changed';

/** Bytes of one file that are known to have been others, not to have been there, or to have been without their CRs. */
interface Wound {
  entry: InventoryEntry;
  bits: { offset: number; bit: number }[];
  removes: Range[];
  lineEndings?: LineEndings;
  details: { offset: number; detail: string }[];
}

/**
 * Plans to write back exactly the bytes that are proven to have been there: a flipped bit under a checksum, a count that was
 * raised after its checksum, a magic number, CURRENT. Everything else is left as it is and listed. The plan is looked at as
 * if it were carried out, and what becomes readable by it is healed, too; a database without proven damage gets a plan
 * without steps. Rejects only when the medium fails.
 */
export async function planHeal(database: Database, request: HealRequest = {}): Promise<RepairPlan> {
  const wounds = new Map<string, Wound>();
  let plan = emptyPlan(database, 'heal');
  let findings = request.findings ?? (await look(database, plan, request));
  let current: RepairStep | undefined;
  for (let round = 0; round < ROUNDS; round++) {
    const now = plan.steps.length === 0 ? database : await databaseAfter(database, plan);
    const written = await currentStep(now, findings);
    current = written ?? current;
    const more = gather(now, await provenHere(now, findings), wounds);
    if (!more && written === undefined) break;
    plan = {
      ...plan,
      steps: [...(await stepsOf(wounds, filesOf(database).open)), ...(current ? [current] : [])],
    };
    if (request.once) break;
    findings = await look(database, plan, request);
  }
  return { ...plan, inputs: await inputsOf(database, plan), remarks: remarksOf(findings, plan) };
}

/**
 * Findings without those that prove a run put into the MANIFEST by its checksums alone, where the directory says otherwise: records that
 * were written over look alike where two of them end alike, and then tables are here that the rest does not name.
 */
async function provenHere(database: Database, findings: readonly Finding[]): Promise<readonly Finding[]> {
  const manifests = database.inventory.entries.filter(({ kind }) => kind === 'manifest');
  const doubtful = findings.filter(
    ({ cause, file }) =>
      cause?.restores === true && cause.removes && manifests.some((each) => each.file === file),
  );
  if (doubtful.length === 0) return findings;
  const wounds = new Map<string, Wound>();
  gather(database, doubtful, wounds);
  const steps = await stepsOf(wounds, filesOf(database).open);
  const after = await databaseAfter(database, { target: database.target, steps });
  const known = new Set<bigint>();
  for (const { entry } of wounds.values())
    for (const number of await namedIn(after, entry)) known.add(number);
  const isUnnamed = ({ kind, place, number, size }: InventoryEntry) =>
    kind === 'table' && place !== 'lost' && size > 0 && number !== undefined && !known.has(number);
  return database.inventory.entries.some(isUnnamed)
    ? findings.filter((each) => !doubtful.includes(each))
    : findings;
}

/** Tables that any edit of a MANIFEST names. */
async function namedIn(database: Database, { file }: InventoryEntry): Promise<Set<bigint>> {
  const entry = database.inventory.entries.find((each) => each.file === file);
  const named = new Set<bigint>();
  if (entry === undefined) return named;
  const source = await filesOf(database).open(entry.source);
  try {
    await replayManifest(source, {
      dialect: database.dialect,
      onEdit: ({ edit }) => {
        for (const { number } of edit.newFiles) named.add(number);
      },
    });
  } finally {
    await source.close();
  }
  return named;
}

/** What a scan finds once the plan is carried out. */
export async function look(
  database: Database,
  plan: RepairPlan,
  { jobs }: Pick<HealRequest, 'jobs'>,
): Promise<Finding[]> {
  const { walDir, dbPaths, engineVersion } = database.request;
  const report = await scanTarget(database.target, {
    ...(walDir !== undefined && { walDir }),
    ...(dbPaths !== undefined && { dbPaths }),
    ...(engineVersion !== undefined && { engineVersion }),
    ...(jobs !== undefined && { jobs }),
    instead: filesAfter(database, plan),
  });
  return report.findings;
}

/** Adds what findings prove to `wounds`; true when that was something new. */
function gather(database: Database, findings: readonly Finding[], wounds: Map<string, Wound>): boolean {
  let more = false;
  // the offsets of this round are of the files without what earlier rounds took out
  const taken = new Map([...wounds].map(([key, { removes }]) => [key, removes]));
  // of a table that no edit names a MANIFEST that has lost edits does not tell that it is not needed
  const isOpen = database.manifest === undefined || !isSound(database.manifest.replay);
  for (const { cause, file, root, severity } of findings) {
    if (cause?.restores !== true) continue;
    const entry = database.inventory.entries.find((each) => each.file === file && each.root === root);
    if (entry === undefined || entry.kind === 'current') continue;
    if (severity === 'note' && !(isOpen && entry.kind === 'table')) continue;
    const key = placeKey(placeOf(entry));
    const wound = wounds.get(key) ?? { entry, bits: [], removes: [], details: [] };
    if (!addTo(wound, cause, taken.get(key) ?? [])) continue;
    wounds.set(key, wound);
    more = true;
  }
  return more;
}

/** Adds what one cause proves, in offsets of the file as it was first looked at. */
function addTo(
  wound: Wound,
  { changes = [], removes = [], lineEndings, detail }: Cause,
  taken: readonly Range[],
): boolean {
  // of a file that is put together anew nothing else is known by its old offsets
  if (wound.lineEndings !== undefined) return false;
  if (lineEndings !== undefined) {
    wound.lineEndings = lineEndings;
    wound.details.push({ offset: 0, detail });
    return true;
  }
  const isKnown = ({ offset, bit }: { offset: number; bit: number }) =>
    wound.bits.some((known) => known.offset === offset && known.bit === bit);
  const placed = changes.map(({ offset, bit }) => ({ offset: offsetBefore(offset, taken), bit }));
  const fresh = placed.filter((each) => !isKnown(each));
  const runs = removes.map(({ offset, length }) => ({ offset: offsetBefore(offset, taken), length }));
  append(wound.bits, fresh);
  wound.removes = [...wound.removes, ...runs].sort((a, b) => a.offset - b.offset);
  for (const { offset } of [...runsOf(fresh), ...runs]) wound.details.push({ offset, detail });
  return fresh.length + runs.length > 0;
}

/** An offset of a file from which ranges were taken, in the file with them. */
function offsetBefore(offset: number, removed: readonly Range[]): number {
  let at = offset;
  for (const run of removed) if (run.offset <= at) at += run.length;
  return at;
}

function placeOf({ file, root }: InventoryEntry): FilePlace {
  return root === undefined ? { path: file } : { path: file, root };
}

/** Runs of bytes that hold the bits, in file order. */
function runsOf(bits: Wound['bits']): { offset: number; length: number }[] {
  const offsets = [...new Set(bits.map(({ offset }) => offset))].sort((a, b) => a - b);
  const runs: { offset: number; length: number }[] = [];
  for (const offset of offsets) {
    const last = runs.at(-1);
    if (last !== undefined && last.offset + last.length === offset) last.length++;
    else runs.push({ offset, length: 1 });
  }
  return runs;
}

async function stepsOf(wounds: ReadonlyMap<string, Wound>, open: OpenSource): Promise<RepairStep[]> {
  const steps: RepairStep[] = [];
  for (const wound of wounds.values()) steps.push(await stepOf(wound, open));
  return steps;
}

/** The file with the bytes put back, everything else taken from where it is. */
async function stepOf(wound: Wound, open: OpenSource): Promise<RepairStep> {
  const { entry, bits, removes, details } = wound;
  const source = await open(entry.source);
  const content: Segment[] = [];
  const changes: ByteChange[] = [];
  try {
    if (wound.lineEndings !== undefined) return await lineEndingStep(entry, source, wound.lineEndings);
    const place = placeOf(entry);
    const edits = [
      ...runsOf(bits).map((run) => ({ ...run, removes: false })),
      ...removes.map((run) => ({ ...run, removes: true })),
    ].sort((a, b) => a.offset - b.offset);
    let end = 0;
    for (const edit of edits) {
      const { offset, length } = edit;
      if (offset > end) content.push({ from: 'file', ...place, offset: end, length: offset - end });
      end = offset + length;
      const detail = details.find((each) => each.offset >= offset && each.offset < end)?.detail ?? '';
      if (edit.removes) {
        changes.push({ kind: 'cut', offset, length, detail });
        continue;
      }
      const bytes = new Uint8Array(length);
      await source.read(bytes, offset);
      const was = keyBytes(bytes);
      flipBits(bytes, offset, bits);
      content.push({ from: 'plan', bytes });
      changes.push({
        kind: 'rewrite',
        offset,
        length,
        detail,
        bytes: { was: { value: was }, becomes: { value: keyBytes(bytes) } },
      });
    }
    if (entry.size > end) content.push({ from: 'file', ...place, offset: end, length: entry.size - end });
  } finally {
    await source.close();
  }
  return { ...placeOf(entry), action: 'write', why: whyOf(changes), changes, content };
}

function whyOf(changes: readonly ByteChange[]): string {
  const count = (kind: ByteChange['kind']) =>
    changes.filter((change) => change.kind === kind).reduce((sum, { length }) => sum + length, 0);
  const bytes = (n: number) => (n === 1 ? 'one byte' : `${n} bytes`);
  const [written, cut] = [count('rewrite'), count('cut')];
  return [
    ...(written > 0 ? [`the value of ${bytes(written)} is proven`] : []),
    ...(cut > 0 ? [`${bytes(cut)} ${cut === 1 ? 'was' : 'were'} put in`] : []),
  ].join(', and ');
}

async function lineEndingStep(
  entry: InventoryEntry,
  source: ByteSource,
  endings: LineEndings,
): Promise<RepairStep> {
  const bytes = new Uint8Array(entry.size);
  await source.read(bytes, 0);
  const detail = endings.change === 'lf-to-crlf' ? 'CR LF becomes LF again' : 'LF becomes CR LF again';
  return {
    ...placeOf(entry),
    action: 'write',
    why: 'its line endings were changed: every checksum holds with those that it had',
    changes: [{ kind: 'rewrite', offset: 0, length: entry.size, detail }],
    content: [{ from: 'plan', bytes: undoLineEndings(bytes, endings) }],
  };
}

/** A CURRENT whose content follows from the rest, when something is wrong with it. */
async function currentStep(
  database: Database,
  findings: readonly Finding[],
): Promise<RepairStep | undefined> {
  if (!findings.some(({ rule }) => rule.startsWith('directory/current-'))) return undefined;
  const follows = await currentThatFollows(database);
  if (follows === undefined) return undefined;
  const { content: bytes, cause } = follows;
  const old = database.current?.entry.size;
  const name = Buffer.from(bytes).toString('latin1').trimEnd();
  return {
    path: 'CURRENT',
    action: 'write',
    why: cause.basis ?? cause.detail,
    changes: [
      old === undefined
        ? { kind: 'create-file', offset: 0, length: bytes.length, detail: `it names ${name}` }
        : { kind: 'rewrite', offset: 0, length: old, detail: cause.detail },
    ],
    content: [{ from: 'plan', bytes }],
  };
}

/** What is changed, and what says which files there are. */
async function inputsOf(database: Database, { steps }: RepairPlan): Promise<RepairPlan['inputs']> {
  if (steps.length === 0) return [];
  const places = new Map<string, FilePlace>([['CURRENT', { path: 'CURRENT' }]]);
  const manifest = database.manifest?.entry;
  if (manifest !== undefined) places.set(manifest.file, placeOf(manifest));
  for (const { path, root } of steps) {
    const place = root === undefined ? { path } : { path, root };
    places.set(placeKey(place), place);
  }
  return Promise.all([...places.values()].map((place) => fileState(database.target, place)));
}

/** What is left alone, and why. */
function remarksOf(findings: readonly Finding[], { steps }: RepairPlan): string[] {
  const left = findings.filter(({ severity }) => severity !== 'note');
  const remarks = left.slice(0, MOST_LISTED).map(({ rule, file, offset, message, cause }) => {
    const at = offset === undefined ? file : `${file} at ${offset}`;
    const why = cause === undefined ? message : `${cause.kind}, ${cause.certainty}`;
    return `left alone: ${rule}, ${at} (${why})`;
  });
  if (left.length > MOST_LISTED) remarks.push(`${left.length - MOST_LISTED} more findings are left alone`);
  if (steps.length === 0) remarks.unshift(NOTHING);
  return remarks;
}
