import path from 'node:path';
import type { Database } from '../../../engine/database.js';
import type { Finding } from '../../../finding/finding.js';
import { counted } from '../../../finding/quantity.js';
import { type FileName, parseFileName } from '../../../format/filename.js';
import type { InventoryEntry } from '../../../io/inventory.js';
import { liveBlobs, liveTables } from '../../../scan/plan.js';
import { contentSize, fileState } from '../../content.js';
import { emptyPlan } from '../../empty-plan.js';
import { absolute, type FilePlace, placeKey } from '../../place.js';
import type { ByteChange, RepairPlan, RepairStep } from '../../plan.js';
import { databaseAfter } from '../../preview.js';
import { look } from '../heal.js';
import { soughtBlobs } from './blobs.js';
import { differences, withBoth } from './composition.js';
import { fillWals } from './fill.js';
import { type MendedFile, mend, type Part } from './mend.js';
import { optionsStep, otherManifests, soughtManifest } from './metadata.js';
import { namesFromSources } from './names.js';
import { filePlace, type Sought } from './part.js';
import { partingOf } from './parting.js';
import { openSources, type SecondSource, segmentsOf, twinsOf } from './sources.js';
import { soughtTables } from './tables.js';
import { soughtWals } from './wals.js';

/** Rules of what is wrong within a table or a log. */
const OF_ONE_FILE = /^(wal|sst)\/|^sequence\/(gap|backwards|overlap|last-sequence-too-low)$/;

interface FromRequest {
  /** Directories of second sources. */
  from: readonly string[];
  /** What a scan of the directory as it is has found. */
  findings: readonly Finding[];
  /** Also take what would be whole and what nothing contradicts, where nothing proves it. Default: it is only named. */
  acceptUnproven?: boolean;
}

/** A plan, and what is wrong with the directory once it is carried out. */
interface FromPlan {
  plan: RepairPlan;
  findings: readonly Finding[];
}

/** Equal bytes between two ranges that are shown as one: zeros lie over zeros, too. */
const MOST_BETWEEN = 64;
/** Ranges of one file that a plan lists one by one. */
const MOST_LISTED = 100;

/**
 * Plans to put back what second sources prove: of a file that never changes once it is written, and of logs, which only grow. What
 * the engine finds first comes first, as it says what the others are. Nothing is taken whose place in this database is not proven;
 * `remarks` say what a source has and why it is not taken. Rejects only when the medium fails, or a source is none.
 */
export async function planFrom(
  database: Database,
  { from, findings, acceptUnproven = false }: FromRequest,
): Promise<FromPlan> {
  const sources = await openSources(from, {
    isNeeded: neededOf(database, findings),
    ...(database.request.store && { store: database.request.store }),
    // what stands between files may be wrong with another one
    parting: (source) =>
      partingOf(database, source, (file) =>
        findings.some((each) => each.file === file && isBad(each) && OF_ONE_FILE.test(each.rule)),
      ),
  });
  const work = new FromSources(database, sources, findings, acceptUnproven);
  await work.metadata();
  await work.files();
  return work.finish();
}

/** Kinds of files that say what the others are, or hold batches. */
const ALWAYS: ReadonlySet<string> = new Set(['wal', 'manifest', 'current', 'options', 'identity']);

/** Which files of a source may be asked for; without a whole MANIFEST, all. */
function neededOf(database: Database, findings: readonly Finding[]): (name: FileName) => boolean {
  if (database.manifest?.replay.complete !== true) return () => true;
  const numbers = new Set<bigint | undefined>();
  for (const { file, severity } of findings)
    if (severity !== 'note') numbers.add(parseFileName(path.basename(file)).number);
  const isHere = (kind: string, number: bigint) =>
    database.inventory.entries.some((entry) => entry.kind === kind && entry.number === number);
  for (const { table } of liveTables(database).values())
    if (!isHere('table', table.number)) numbers.add(table.number);
  let blobs = false;
  for (const { number } of liveBlobs(database).values()) {
    if (!isHere('blob', number)) numbers.add(number);
    blobs ||= numbers.has(number);
  }
  // a table that names a blob file may be what proves it
  return ({ kind, number }) => ALWAYS.has(kind) || (kind === 'table' && blobs) || numbers.has(number);
}

class FromSources {
  private plan: RepairPlan;
  /** A source has something that nothing contradicts and nothing proves. */
  private offers = false;
  /** The database as the plan leaves it so far. */
  private state: Database;

  constructor(
    private readonly database: Database,
    private readonly sources: readonly SecondSource[],
    /** What a scan finds before a step, and what it could not find while nothing named the MANIFEST. */
    private findings: readonly Finding[],
    private readonly acceptUnproven: boolean,
  ) {
    this.state = database;
    this.plan = {
      ...emptyPlan(database, 'from'),
      remarks: sources.flatMap(({ name, unread }) =>
        unread.map(
          (file) => `${file} of ${name} is too large to be read out of a compressed archive: unpack it`,
        ),
      ),
    };
  }

  async metadata(): Promise<void> {
    const manifest = await soughtManifest(this.state);
    // the engine deletes what a wrong MANIFEST does not name: none is taken without a proof
    if (manifest !== undefined) await this.seek(manifest, true);
    if (this.hasProblem() && this.plan.steps.length === 0) await this.contradicted();
    if (this.hasProblem()) await this.names();
    const isFaulty = (file: string) =>
      this.findings.some((finding) => finding.file === file && isBad(finding));
    const options = await optionsStep(this.state, this.sources, isFaulty);
    if (options !== undefined) await this.add(options);
  }

  private hasProblem(): boolean {
    return this.findings.some(isBad);
  }

  /** What names the MANIFEST, where nothing does, or where nothing new is wrong with the name of a source. */
  private async names(): Promise<void> {
    for (const { steps, isNameless } of await namesFromSources(this.state, this.sources)) {
      if (!isNameless && !(await this.isBetterWith(steps))) continue;
      for (const step of steps) await this.add(step);
      if (isNameless) this.findings = await look(this.database, this.plan, {});
      return;
    }
  }

  /** A MANIFEST that its own bytes do not put right, where the files here are those of a source's and nothing new is wrong with that. */
  private async contradicted(): Promise<void> {
    for (const twin of await otherManifests(this.state, this.sources)) {
      const own = this.state.manifest!.entry;
      const size = twin.entry.size;
      const ranges = await withBoth(own.source, twin.entry.source, differences);
      if (size > own.size) ranges.push({ offset: own.size, length: size - own.size });
      const step = stepOf(filePlace(own), own, {
        content: await segmentsOf(twin, { offset: 0, length: size }),
        taken: ranges.map((range) => ({ ...range, from: twin, why: MEANT })),
      });
      if (!(await this.isBetterWith([step]))) continue;
      await this.add(step);
      return;
    }
  }

  /** Whether a scan finds less with further steps, and nothing that it did not find without. */
  private async isBetterWith(steps: readonly RepairStep[]): Promise<boolean> {
    const known = new Set(this.findings.filter(isBad).map(nameOf));
    const findings = await look(this.database, { ...this.plan, steps: [...this.plan.steps, ...steps] }, {});
    const left = new Set(findings.filter(isBad).map(nameOf));
    return left.size < known.size && [...left].every((name) => known.has(name));
  }

  async files(): Promise<void> {
    const findingsOf = ({ file, root }: InventoryEntry) =>
      this.findings.filter((finding) => finding.file === file && finding.root === root && isBad(finding));
    const isFaulty = (entry: InventoryEntry) => findingsOf(entry).length > 0;
    const { state, sources } = this;
    for (const sought of await soughtTables(state, sources, findingsOf)) await this.seek(sought);
    for (const sought of await soughtBlobs(this.state, isFaulty)) await this.seek(sought);
    const [missed] = missedWals(this.findings, 'error');
    const wals = await soughtWals(this.state, sources, { isFaulty, ...(missed !== undefined && { missed }) });
    for (const sought of wals) await this.seek(sought);
    const isDone = ({ part }: Sought) => this.plan.steps.some((step) => placeKey(step) === placeKey(part));
    if (!wals.every(isDone)) await this.fromReplicas(isFaulty);
  }

  /** A step that makes something worse than it was is not taken. */
  async finish(): Promise<FromPlan> {
    const known = new Set(this.findings.map(nameOf));
    let findings = this.plan.steps.length === 0 ? this.findings : await look(this.database, this.plan, {});
    while (this.plan.steps.length > 0) {
      const worse = findings.filter((each) => each.severity === 'error' && !known.has(nameOf(each)));
      if (worse.length === 0) break;
      const blamed = this.plan.steps.filter((step) =>
        worse.some(({ file, root }) => file === step.path && root === step.root),
      );
      const dropped = blamed.length > 0 ? blamed : this.plan.steps;
      for (const { path } of dropped)
        this.plan.remarks.push(
          `${path} is left as it is: with what the source has of it, ${worse[0].file} would have ${worse[0].rule}`,
        );
      this.plan.steps = this.plan.steps.filter((step) => !dropped.includes(step));
      const isDropped = ({ file }: { file: string }) => dropped.some(({ path }) => path === file);
      this.plan.unproven = this.plan.unproven?.filter((each) => !isDropped(each));
      findings = this.plan.steps.length === 0 ? this.findings : await look(this.database, this.plan, {});
    }
    if (this.plan.unproven?.length === 0) delete this.plan.unproven;
    if (this.offers)
      this.plan.remarks.push(
        'what would be whole with a source, and what nothing proves, --accept-unproven takes all the same; the plan names it with its age',
      );
    this.plan.inputs = await inputsOf(this.plan);
    if (this.plan.steps.length === 0)
      this.plan.remarks.unshift(
        'nothing that the sources have is proven to be missing here: no byte is changed',
      );
    return { plan: this.plan, findings };
  }

  /** Batches by sequence, for the WALs that no file gives back. */
  private async fromReplicas(isFaulty: (entry: InventoryEntry) => boolean): Promise<void> {
    for (const source of this.sources) {
      const gone = missedWals(this.findings, 'error', 'warning');
      const { filled, refused } = await fillWals(this.state, source, { isFaulty, gone });
      this.plan.remarks.push(...refused);
      for (const { entry, mended } of filled) await this.add(stepOf(filePlace(entry), entry, mended));
    }
  }

  private async seek({ part, own, isTwin }: Sought, onlyProven = false): Promise<void> {
    const { target } = this.database;
    const { twins, same } = await twinsOf(this.sources, isTwin, own && absolute(target, part));
    for (const { path } of same)
      this.plan.remarks.push(`${path} is the same file as ${placeKey(part)}: it has the same bytes`);
    if (twins.length === 0) return;
    const outcome = await mend(target, part, twins);
    if ('mended' in outcome) {
      const end = await openEnd(part, own, outcome.mended);
      if (end !== undefined) this.plan.remarks.push(end);
      await this.add(stepOf(part, own, outcome.mended));
    } else if (outcome.possible === undefined || onlyProven) this.plan.remarks.push(...outcome.refused);
    else if (this.acceptUnproven) await this.take(part, own, outcome.possible);
    else {
      this.plan.remarks.push(...outcome.refused);
      this.offers = true;
    }
  }

  /** Says of what nothing proves how old the file is that it is taken of. */
  private async take(part: FilePlace, own: InventoryEntry | undefined, possible: MendedFile): Promise<void> {
    const { path, root } = part;
    await this.add(stepOf(part, own, possible));
    const files = new Map(possible.taken.map(({ from }) => [from.path, from]));
    this.plan.unproven = [
      ...(this.plan.unproven ?? []),
      ...[...files.values()].map(({ path: from, entry }) => {
        const bytes = possible.taken
          .filter((each) => each.from.path === from)
          .reduce((sum, { length }) => sum + length, 0);
        const modified = new Date(entry.mtimeMs).toISOString();
        return {
          file: path,
          ...(root !== undefined && { root }),
          detail: `${counted(bytes, 'byte')} of ${from}, last written ${timeOf(entry)}: every checksum holds with them, nothing here contradicts them, and nothing proves that they were here. They may be older or newer than what was`,
          facts: { bytes, source: from, modified },
        };
      }),
    ];
  }

  private async add(step: RepairStep): Promise<void> {
    this.plan = { ...this.plan, steps: [...this.plan.steps, step] };
    this.state = await databaseAfter(this.database, this.plan);
  }
}

/** Of a log whose end is that of a source: that it may have gone on. */
async function openEnd(
  part: Part,
  own: InventoryEntry | undefined,
  { content, taken }: MendedFile,
): Promise<string | undefined> {
  const size = contentSize(content);
  const last = taken.find(({ offset, length }) => offset + length === size && size > (own?.size ?? 0));
  if (last === undefined || (await part.mayGoOn?.(last.from)) !== true) return undefined;
  const { path: from, entry } = last.from;
  return `${part.path} may have been longer than ${from}, last written ${timeOf(entry)}: what was written to it after the copy was made is not in it`;
}

const timeOf = ({ mtimeMs }: InventoryEntry): string => `${new Date(mtimeMs).toISOString().slice(0, 19)}Z`;

const MEANT =
  'every table that it names is here and is the one that it names, and what contradicts the MANIFEST as it is, nothing does then';

/** Numbers of the logs of which a scan says, with one of these severities, that they are missing, in order. */
function missedWals(findings: readonly Finding[], ...severities: Finding['severity'][]): bigint[] {
  const numbers = findings.flatMap(({ rule, severity, file }) =>
    (rule === 'directory/missing-wal' || rule === 'directory/removed-wal') && severities.includes(severity)
      ? (parseFileName(path.basename(file)).number ?? [])
      : [],
  );
  return numbers.sort((a, b) => (a < b ? -1 : 1));
}

const isBad = ({ severity }: Finding) => severity !== 'note';

const nameOf = ({ rule, file, root }: Finding) => JSON.stringify([rule, root, file]);

function stepOf(
  place: FilePlace,
  own: InventoryEntry | undefined,
  { content, taken }: MendedFile,
): RepairStep {
  const { path, root } = place;
  const size = own?.size ?? 0;
  const bytes = taken.reduce((sum, { length }) => sum + length, 0);
  const names = [...new Set(taken.map(({ from }) => from.source.name))].join(' and ');
  const changes = joined(taken).map(({ offset, length, from, why }): ByteChange => {
    const kind = own === undefined ? 'create-file' : offset >= size ? 'insert' : 'rewrite';
    return { kind, offset, length, detail: `from ${from.path}: ${why}` };
  });
  const after = contentSize(content);
  if (size > after)
    changes.push({ kind: 'cut', offset: after, length: size - after, detail: 'it was not in the file' });
  const listed = changes.length > MOST_LISTED ? [wholeOf(changes, size, taken[0])] : changes;
  return {
    path,
    ...(root !== undefined && { root }),
    action: 'write',
    why:
      bytes === 0
        ? 'what stands after its last edit holds no whole one, and no file here is of a later state'
        : `${counted(bytes, 'byte')} ${bytes === 1 ? 'is' : 'are'} taken from ${names}`,
    changes: listed,
    content,
  };
}

/** Ranges for the same reason from the same file, with the few bytes between them that happen to be equal. */
function joined(taken: MendedFile['taken']): MendedFile['taken'] {
  const ranges: MendedFile['taken'] = [];
  for (const range of taken) {
    const last = ranges.at(-1);
    const end = last === undefined ? 0 : last.offset + last.length;
    const isOne =
      last !== undefined &&
      last.from.path === range.from.path &&
      last.why === range.why &&
      range.offset <= end + MOST_BETWEEN;
    if (isOne) last.length = range.offset + range.length - last.offset;
    else ranges.push({ ...range });
  }
  return ranges;
}

/** Very many ranges as one. */
function wholeOf(
  changes: readonly ByteChange[],
  size: number,
  { from, why }: MendedFile['taken'][number],
): ByteChange {
  const last = changes.at(-1)!;
  const offset = changes[0].offset;
  return {
    kind: size === 0 ? 'create-file' : 'rewrite',
    offset,
    length: last.offset + last.length - offset,
    detail: `${changes.length} ranges, from ${from.path}: ${why}`,
  };
}

/** What is changed, what says which files there are, and every file that bytes are taken of. */
async function inputsOf({ target, steps }: RepairPlan): Promise<RepairPlan['inputs']> {
  if (steps.length === 0) return [];
  const places = new Map<string, FilePlace>([['CURRENT', { path: 'CURRENT' }]]);
  const note = ({ path, root }: FilePlace) => {
    const place = root === undefined ? { path } : { path, root };
    places.set(placeKey(place), place);
  };
  for (const step of steps) {
    note(step);
    if (step.action !== 'write') continue;
    for (const segment of step.content) if (segment.from === 'file') note(segment);
  }
  return Promise.all([...places.values()].map((place) => fileState(target, place)));
}
