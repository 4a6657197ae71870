import { currentThatFollows } from '../../diagnose/current.js';
import { flipBits } from '../../diagnose/flipped-source.js';
import type { Database } from '../../engine/database.js';
import { formatVersion } from '../../engine/version.js';
import type { Finding } from '../../finding/finding.js';
import type { InventoryEntry } from '../../io/inventory.js';
import { openSource } from '../../io/source.js';
import { scanTarget } from '../../scan/scan.js';
import { fileState } from '../content.js';
import { type Place, placeKey } from '../place.js';
import type { ByteChange, RepairPlan, RepairStep, Segment } from '../plan.js';
import { databaseAfter, replacementsOf } from '../preview.js';

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

/** Bytes of one file that are known to have been others. */
interface Wound {
  entry: InventoryEntry;
  bits: { offset: number; bit: number }[];
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
  let plan = emptyPlan(database);
  let findings = request.findings ?? (await look(database, plan, request));
  let current: RepairStep | undefined;
  for (let round = 0; round < ROUNDS; round++) {
    const now = plan.steps.length === 0 ? database : await databaseAfter(database, plan);
    const written = await currentStep(now, findings);
    current = written ?? current;
    const more = gather(now, findings, wounds);
    if (!more && written === undefined) break;
    plan = { ...plan, steps: [...(await stepsOf(wounds)), ...(current ? [current] : [])] };
    if (request.once) break;
    findings = await look(database, plan, request);
  }
  return { ...plan, inputs: await inputsOf(database, plan), remarks: remarksOf(findings, plan) };
}

function emptyPlan(database: Database): RepairPlan {
  return {
    schemaVersion: 1,
    target: database.target,
    strategy: 'heal',
    engineVersion: formatVersion(database.engineVersion),
    inputs: [],
    steps: [],
    loss: [],
    remarks: [],
  };
}

/** What a scan finds once the plan is carried out. */
async function look(database: Database, plan: RepairPlan, { jobs }: HealRequest): Promise<Finding[]> {
  const { walDir, dbPaths, engineVersion, instead = [] } = database.request;
  const planned = replacementsOf(plan);
  const covers = ({ file, root }: { file: string; root?: string }) =>
    planned.some((each) => each.file === file && each.root === root);
  const report = await scanTarget(database.target, {
    ...(walDir !== undefined && { walDir }),
    ...(dbPaths !== undefined && { dbPaths }),
    ...(engineVersion !== undefined && { engineVersion }),
    ...(jobs !== undefined && { jobs }),
    instead: [...instead.filter((each) => !covers(each)), ...planned],
  });
  return report.findings;
}

/** Adds what findings prove to `wounds`; true when that was something new. */
function gather(database: Database, findings: readonly Finding[], wounds: Map<string, Wound>): boolean {
  let more = false;
  for (const { cause, file, root, severity } of findings) {
    if (severity === 'note' || cause?.restores !== true || cause.changes === undefined) continue;
    const entry = database.inventory.entries.find((each) => each.file === file && each.root === root);
    if (entry === undefined || entry.kind === 'current') continue;
    const key = placeKey(placeOf(entry));
    const wound = wounds.get(key) ?? { entry, bits: [], details: [] };
    const fresh = cause.changes.filter(
      ({ offset, bit }) => !wound.bits.some((known) => known.offset === offset && known.bit === bit),
    );
    if (fresh.length === 0) continue;
    wound.bits.push(...fresh);
    wound.details.push(...runsOf(fresh).map(({ offset }) => ({ offset, detail: cause.detail })));
    wounds.set(key, wound);
    more = true;
  }
  return more;
}

function placeOf({ file, root }: InventoryEntry): Place {
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

async function stepsOf(wounds: ReadonlyMap<string, Wound>): Promise<RepairStep[]> {
  const steps: RepairStep[] = [];
  for (const wound of wounds.values()) steps.push(await stepOf(wound));
  return steps;
}

/** The file with the bytes put back, everything else taken from where it is. */
async function stepOf({ entry, bits, details }: Wound): Promise<RepairStep> {
  const place = placeOf(entry);
  const content: Segment[] = [];
  const changes: ByteChange[] = [];
  const source = await openSource(entry.source);
  let end = 0;
  try {
    for (const { offset, length } of runsOf(bits)) {
      const bytes = new Uint8Array(length);
      await source.read(bytes, offset);
      const before = hex(bytes);
      flipBits(bytes, offset, bits);
      if (offset > end) content.push({ from: 'file', ...place, offset: end, length: offset - end });
      content.push({ from: 'plan', bytes });
      end = offset + length;
      const why = details.find((each) => each.offset >= offset && each.offset < end)?.detail ?? '';
      changes.push({ kind: 'rewrite', offset, length, detail: `${before} becomes ${hex(bytes)}: ${why}` });
    }
  } finally {
    await source.close();
  }
  if (entry.size > end) content.push({ from: 'file', ...place, offset: end, length: entry.size - end });
  const count = changes.reduce((sum, { length }) => sum + length, 0);
  const what = count === 1 ? 'one byte' : `${count} bytes`;
  return { ...place, action: 'write', why: `put back ${what} whose value is proven`, changes, content };
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

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
    why: `name ${name}: ${cause.basis ?? cause.detail}`,
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
  const places = new Map<string, Place>([['CURRENT', { path: 'CURRENT' }]]);
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
