import type { ByteSource, SourceDescriptor } from '../../../bytes/source.js';
import type { Range } from '../../../finding/finding.js';
import { contentSize } from '../../content.js';
import type { FilePlace } from '../../place.js';
import type { Segment } from '../../plan.js';
import { sourceOf } from '../../preview.js';
import { differences, overlaps, withBoth, withRange } from './composition.js';
import { segmentsOf, type TwinFile } from './sources.js';
import { type Proof, proofOf, type Unit, woundsOf } from './units.js';

/** What a check of a file, or of what it would become, shows. */
export interface TwinCheck {
  /** Nothing worse than a note. */
  clean: boolean;
  /** Errors and warnings. */
  problems: number;
  /** Where they are; those of the file as a whole have no place. */
  damage: Range[];
  /** `proven`: it says of itself, or its checksum says, that it is the file that is meant. `other`: it says that it is not. */
  identity?: 'proven' | 'other';
  /** Of a log: after its last whole record. */
  end?: number;
}

/** A file that is damaged, missing, or shorter than it was. */
export interface Part extends FilePlace {
  /** What it is as it is; absent where it is missing or empty. */
  own?: { size: number; checked: TwinCheck };
  /** Bytes that it must have. Absent: it is a log, and only grows. */
  size?: number;
  /**
   * Whether the bytes are of the same life, where units that agree prove anything between them: `beside` units that do, or `alone`, where
   * none is left. Default: they are not; then one run of a log that is gone is proven by what stands on both sides of it. `never`: the two
   * had parted before.
   */
  neighboursProve?(twins: readonly TwinFile[], made: Made): Promise<'alone' | 'beside' | 'never' | undefined>;
  check(source: SourceDescriptor, size: number): Promise<TwinCheck>;
  /** Of a file that is whole. */
  units(source: ByteSource): Promise<Unit[]>;
  /** Why a whole file of a source is the one that is missing here; `undefined`: nothing says so. */
  whole(twin: TwinFile, checked: TwinCheck): Promise<string | undefined>;
  /** Of a log: the source has it from the same life of the database, so that its end is the end that is missing here. */
  sameLife?(twin: TwinFile): Promise<boolean>;
  /** Of a log: nothing tells that the end of a source's was the end of this one. */
  mayGoOn?(twin: TwinFile): Promise<boolean>;
  /** Of a log: where it has a record that holds and that the file would not have as it becomes. */
  givesUp?(made: Made): Promise<number | undefined>;
}

/** Bytes of a file, and where they come from. */
interface Taken extends Range {
  from: TwinFile;
  why: string;
}

export interface MendedFile {
  content: Segment[];
  taken: Taken[];
  /** Nothing proves that these are the bytes that were here. */
  unproven?: true;
}

/** What came of it. */
type Outcome =
  | { mended: MendedFile }
  | {
      /** Why nothing was taken, one sentence for each source. */
      refused: string[];
      /** A file that would be whole, and that nothing contradicts: only the proof is missing. */
      possible?: MendedFile;
    };

interface Candidate {
  twin: TwinFile;
  checked: TwinCheck;
  /** Bytes of it that may be taken. */
  size: number;
}

/** A file as it would become. */
interface Made {
  content: Segment[];
}

/** The same, and what it takes of whom. */
interface Draft extends Made {
  taken: { range: Range; of: Candidate }[];
  checked: TwinCheck;
}

const ROUNDS = 4;

export const PROOFS: Record<Proof, string> = {
  checksum: 'they match the checksum that is still stored here',
  contents: 'all that the checksum covers is the same',
  neighbours: 'what stands before and after them is the same, and every checksum holds with them',
  prefix: 'all before them is the same, and every checksum holds with them',
};
const UNPROVEN = 'every checksum holds with them, and nothing proves that they were here';
const BY_IDENTITY = 'the file with them is, by its identity and every checksum, the one that is meant';

/** Puts a file together from what is left of it and the files of other sources that are proven to be the same. */
export async function mend(target: string, part: Part, twins: readonly TwinFile[]): Promise<Outcome> {
  const refused: string[] = [];
  let possible: MendedFile | undefined;
  const note = (attempt: Attempt) => {
    refused.push(...attempt.refused);
    possible ??= attempt.possible;
  };
  const candidates: Candidate[] = [];
  for (const twin of twins) {
    const { entry, path } = twin;
    if (part.size !== undefined && entry.size !== part.size) {
      refused.push(`${path} is not taken: it has ${entry.size} bytes, and ${part.size} are meant`);
      continue;
    }
    const checked = await part.check(entry.source, entry.size);
    if (checked.identity === 'other') {
      refused.push(`${path} is not taken: it is of another life under the same number`);
      continue;
    }
    candidates.push({ twin, checked, size: checked.end ?? entry.size });
  }
  const { own } = part;
  if (own !== undefined && own.checked.identity !== 'other') {
    const outcome = await fromOwn(target, part, own, candidates);
    if (outcome.mended !== undefined) return { mended: outcome.mended };
    note(outcome);
    // what is whole in itself is not given up for another
    if (outcome.contradicted) return { refused };
    if (own.checked.clean) return { refused };
  }
  const least = part.size === undefined && own?.checked.identity !== 'other' ? (own?.size ?? 1) : 1;
  for (const candidate of candidates) {
    if (candidate.size < least) continue;
    const outcome = await fromWhole(target, part, candidate, candidates);
    if (outcome.mended !== undefined) return { mended: outcome.mended };
    note(outcome);
  }
  // a log that is not here may never have been
  const isMissed = part.size !== undefined || part.own !== undefined;
  return { refused, ...(isMissed && possible && { possible }) };
}

/** Where a whole file ends: a recycled log with what an earlier one left in it. */
const endOf = ({ checked, size, twin }: Candidate): number => (checked.clean ? twin.entry.size : size);

interface Attempt {
  mended?: MendedFile;
  refused: string[];
  /** See `Outcome`. */
  possible?: MendedFile;
  /** Bytes that hold here are others in a source that says it is the same file. */
  contradicted?: boolean;
}

async function fromOwn(
  target: string,
  part: Part,
  own: { size: number; checked: TwinCheck },
  candidates: readonly Candidate[],
): Promise<Attempt> {
  const refused: string[] = [];
  let possible: MendedFile | undefined;
  const { path, root, size = own.size } = part;
  const place = root === undefined ? { path } : { path, root };
  const kept: Segment[] = [{ from: 'file', ...place, offset: 0, length: Math.min(own.size, size) }];
  const longer = candidates.filter((each) => each.size > own.size);
  const isCut = part.size === undefined ? longer.length > 0 : own.size < size;
  const starts: (Candidate | undefined)[] = isCut ? [...longer] : [];
  if (part.size === undefined && !own.checked.clean) starts.unshift(undefined);
  else if (!isCut) starts.push(undefined);
  for (const start of starts) {
    const draft: Draft = { content: kept, taken: [], checked: own.checked };
    let isOfOneLife = true;
    if (start !== undefined) {
      if (part.sameLife !== undefined) isOfOneLife = await part.sameLife(start.twin);
      if (!isOfOneLife)
        refused.push(
          `${start.twin.path} is not taken: nothing proves that its end is the one that is missing`,
        );
      const range = { offset: own.size, length: endOf(start) - own.size };
      draft.content = withRange(kept, own.size, range, await segmentsOf(start.twin, range));
      draft.taken.push({ range, of: start });
      draft.checked = await part.check(sourceOf(target, draft.content), endOf(start));
    }
    const made = await fold(target, part, draft, candidates);
    if (!made.checked.clean || made.taken.length === 0) continue;
    const proven = await prove(target, part, made, candidates);
    if (proven.contradicted) return proven;
    if (!isOfOneLife) {
      possible ??= unproven(made);
      continue;
    }
    if (proven.mended !== undefined) return proven;
    refused.push(...proven.refused);
    possible ??= proven.possible;
  }
  if (refused.length === 0 && candidates.length > 0)
    refused.push(
      `${candidates.map(({ twin }) => twin.path).join(', ')}: with ${candidates.length === 1 ? 'its' : 'their'} bytes ${part.path} would not be whole either`,
    );
  return { refused, ...(possible && { possible }) };
}

async function fromWhole(
  target: string,
  part: Part,
  base: Candidate,
  candidates: readonly Candidate[],
): Promise<Attempt> {
  const { path } = base.twin;
  const all = { offset: 0, length: endOf(base) };
  const start: Draft = {
    content: await segmentsOf(base.twin, all),
    taken: [{ range: all, of: base }],
    checked: base.checked,
  };
  const made = await fold(target, part, start, candidates);
  if (!made.checked.clean) return { refused: [`${path} is not taken: it is damaged, too`] };
  const givenUp = part.own?.checked.identity === 'other' ? undefined : await part.givesUp?.(made);
  if (givenUp !== undefined) return { refused: [overwriting(base.twin, part, givenUp)] };
  const why = await part.whole(base.twin, made.checked);
  if (why === undefined)
    return {
      refused: [`${path} is not taken: nothing proves that it is the file that was here`],
      possible: unproven(made),
    };
  const taken = made.taken.map(({ range, of }) => ({ ...range, from: of.twin, why }));
  return { mended: { content: made.content, taken }, refused: [] };
}

/** Takes, range by range, what is damaged so far and whole in another file, as long as that leaves less damage. */
async function fold(
  target: string,
  part: Part,
  start: Draft,
  candidates: readonly Candidate[],
): Promise<Draft> {
  let draft = start;
  for (let round = 0; round < ROUNDS && !draft.checked.clean; round++) {
    const before = draft;
    for (const candidate of candidates) {
      if (draft.checked.clean) break;
      draft = (await better(target, part, draft, candidate)) ?? draft;
    }
    if (draft === before) break;
  }
  return draft;
}

async function better(
  target: string,
  part: Part,
  draft: Draft,
  candidate: Candidate,
): Promise<Draft | undefined> {
  const size = contentSize(draft.content);
  const ranges = await differencesOf(target, draft.content, candidate.twin);
  const usable = ranges.filter(
    (range) =>
      range.offset + range.length <= candidate.size &&
      !candidate.checked.damage.some((damage) => overlaps(damage, range)),
  );
  const placed = usable.filter((range) => draft.checked.damage.some((damage) => overlaps(damage, range)));
  // what is wrong with a file as a whole has no place
  for (const chosen of placed.length > 0 && placed.length < usable.length ? [placed, usable] : [usable]) {
    if (chosen.length === 0) continue;
    let { content } = draft;
    for (const range of chosen)
      content = withRange(content, size, range, await segmentsOf(candidate.twin, range));
    const checked = await part.check(sourceOf(target, content), size);
    if (!checked.clean && checked.problems >= draft.checked.problems) continue;
    return {
      content,
      taken: [...draft.taken, ...chosen.map((range) => ({ range, of: candidate }))],
      checked,
    };
  }
  return undefined;
}

/** Whether a file that is whole in itself is the one that was here. */
async function prove(
  target: string,
  part: Part,
  made: Draft,
  candidates: readonly Candidate[],
): Promise<Attempt> {
  const used = new Set(made.taken.map(({ of }) => of));
  for (const candidate of candidates) {
    const { checked, twin, size } = candidate;
    if (!checked.clean || (!used.has(candidate) && checked.identity !== 'proven')) continue;
    const differing = await differencesOf(target, made.content, twin);
    const other = differing.find(({ offset }) => offset < size);
    if (other === undefined) continue;
    return {
      contradicted: true,
      refused: [
        `${candidate.twin.path} is not taken: at ${other.offset} it has other bytes than ${part.path}, and both hold their checksums`,
      ],
    };
  }
  if (made.checked.identity === 'proven') {
    return { mended: mendedOf(made, () => BY_IDENTITY), refused: [] };
  }
  const givenUp = await part.givesUp?.(made);
  if (givenUp !== undefined)
    return { contradicted: true, refused: [...used].map(({ twin }) => overwriting(twin, part, givenUp)) };
  const { path, root } = part;
  const whole = { ...(root !== undefined && { root }), offset: 0, length: part.own!.size };
  const mine = sourceOf(target, [{ from: 'file', path, ...whole }]);
  const twins = [...used].map(({ twin }) => twin);
  const proving = await part.neighboursProve?.(twins, made);
  const scattered = proving === 'alone' || proving === 'beside';
  // a file that is written once is the same from end to end or not at all; a log of which one run is gone goes on behind it
  const neighbours =
    scattered || (part.size === undefined && proving !== 'never')
      ? { scattered, alone: proving === 'alone', atStart: scattered, atEnd: scattered }
      : undefined;
  return withBoth(mine, sourceOf(target, made.content), async (own, becomes) => {
    const units = await part.units(becomes);
    const ranges = made.taken.map(({ range }) => range).sort((a, b) => a.offset - b.offset);
    const proofs = new Map<Range, string>();
    for (const wound of woundsOf(ranges, units)) {
      const proof = await proofOf(wound, units, { own, becomes, ...(neighbours && { neighbours }) });
      if (proof === undefined) {
        const { offset, length } = wound.ranges[0];
        const names = [...used].map(({ twin }) => twin.path).join(', ');
        return {
          refused: [`${names} is not taken: nothing proves that its ${length} bytes at ${offset} were here`],
          possible: unproven(made),
        };
      }
      for (const range of wound.ranges) proofs.set(range, PROOFS[proof]);
    }
    return { mended: mendedOf(made, (range) => proofs.get(range)!), refused: [] };
  });
}

const overwriting = ({ path }: TwinFile, part: Part, at: number) =>
  `${path} is not taken: it has other bytes than the record of ${part.path} at ${at}, which holds its checksum`;

const unproven = (made: Draft): MendedFile => ({ ...mendedOf(made, () => UNPROVEN), unproven: true });

function mendedOf({ content, taken }: Draft, why: (range: Range) => string): MendedFile {
  return {
    content,
    taken: taken
      .map(({ range, of }) => ({ ...range, from: of.twin, why: why(range) }))
      .sort((a, b) => a.offset - b.offset),
  };
}

const differencesOf = (target: string, content: readonly Segment[], { entry }: TwinFile) =>
  withBoth(sourceOf(target, content), entry.source, differences);
