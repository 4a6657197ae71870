import type { Database } from '../../../engine/database.js';
import type { Range } from '../../../finding/finding.js';
import { dialectNamed } from '../../../format/dialect.js';
import type { InventoryEntry } from '../../../io/inventory.js';
import type { Segment } from '../../plan.js';
import { sourceOf } from '../../preview.js';
import { cut } from '../join-plans.js';
import { differences, withBoth } from './composition.js';
import { isOtherDatabase, partedIn } from './life.js';
import { type MendedFile, PROOFS } from './mend.js';
import { checkedOf, checker, filePlace } from './part.js';
import { type Alignment, alignReplica, type Fill } from './replica.js';
import { type SecondSource, twinOf } from './sources.js';
import { logUnits, type Proof, proofOf, woundsOf } from './units.js';

/** A log with batches of a source in its gaps. */
interface FilledLog {
  entry: InventoryEntry;
  mended: MendedFile;
}

/**
 * What a source's batches give the WALs here. `isFaulty`: a scan found something in the log; `gone`: the logs that it misses. `refused`:
 * why not, a sentence each.
 */
export async function fillWals(
  database: Database,
  source: SecondSource,
  { isFaulty, gone }: { isFaulty: (entry: InventoryEntry) => boolean; gone: readonly bigint[] },
): Promise<{ filled: FilledLog[]; refused: string[] }> {
  const alignment = await alignReplica(database, source, gone);
  const refused: string[] = [];
  const filled: FilledLog[] = [];
  const partOf = await partings(database, source, alignment);
  for (const entry of new Set(alignment.fills.map((fill) => fill.entry))) {
    const proven: ProvenFill[] = [];
    for (const each of alignment.fills.filter((fill) => fill.entry === entry)) {
      const parted = partOf(each);
      const fill: Fill = parted === undefined ? each : { ...each, parted: true };
      // what an older log left behind the last batch of a recycled one is no damage
      if (fill.batches.length === 0 && !isFaulty(entry)) continue;
      const why = (await isReadThrough(source, fill))
        ? await reasonFor(database, fill, alignment)
        : undefined;
      if (why !== undefined) proven.push({ ...fill, why });
      else if (fill.batches.length > 0) refused.push(refusal(source, fill, parted));
    }
    if (proven.length > 0) filled.push({ entry, mended: mendedWith(entry, proven, source) });
  }
  if (alignment.parted !== undefined)
    refused.push(
      `${source.name} has another batch than this database at sequence ${alignment.parted}: kvdoctor compare shows where they part`,
    );
  return { filled, refused };
}

type ProvenFill = Fill & { why: string };

/** Why batches that stand beside those of a fill say nothing of it: a sentence for each fill, `undefined` where they do. */
async function partings(
  database: Database,
  source: SecondSource,
  alignment: Alignment,
): Promise<(fill: Fill) => string | undefined> {
  const apart = await partedIn(database, source);
  // a copy of this life parts nowhere, and two clones may do the same before and after what they did not
  const isClone = alignment.parted !== undefined && !(await isOtherDatabase(database, source));
  return ({ entry, parted, placed }) => {
    if (parted) return 'the source has another batch before';
    if (apart !== undefined && apart < entry.number!)
      return 'the source went its own way before this log was begun, as other files tell';
    // only RocksDB hands its log to replicas: the same batches in other places are those of a clone that did the same
    if (!placed) return database.dialect === 'rocksdb' ? undefined : 'the source has another log there';
    return isClone ? 'the source has another batch elsewhere' : undefined;
  };
}

function refusal({ name }: SecondSource, { batches }: Fill, parted: string | undefined): string {
  const [are, them] = batches.length === 1 ? ['is', 'it'] : ['are', 'them'];
  const what = `${sequencesOf(batches)} of ${name} ${are} not taken`;
  return parted === undefined
    ? `${what}: what is left here does not agree with ${them}`
    : `${what}: too little of ${them} is left here, and ${parted}`;
}

const sequencesOf = (batches: Fill['batches']): string => {
  const [first, last] = [batches[0], batches.at(-1)!];
  const end = last.sequence + BigInt(Math.max(last.count, 1)) - 1n;
  return end === first.sequence ? `sequence ${end}` : `sequences ${first.sequence}–${end}`;
};

/**
 * Whether nothing is wrong in the source between the batch before and the one after, where the batches end a log here: one without a sequence,
 * such as the commit of a transaction, may stand in what is damaged there.
 */
async function isReadThrough({ database }: SecondSource, { before, batches, next }: Fill): Promise<boolean> {
  if (next === undefined) return true;
  for (const file of new Set([before, ...batches, next].map((batch) => batch.file))) {
    const entry = database.inventory.entries.find((each) => each.file === file)!;
    const { damage, problems } = checkedOf(await checker(database, entry)(entry.source, entry.size));
    const isWithin = ({ offset, length }: Range) =>
      (file !== before.file || offset + length > before.offset) &&
      (file !== next.file || offset < next.offset);
    if (problems > damage.length || damage.some(isWithin)) return false;
  }
  return true;
}

/** Why the batches of a fill are the ones that stood here. */
async function reasonFor(database: Database, fill: Fill, alignment: Alignment): Promise<string | undefined> {
  const { entry, offset, bytes, batches, before, form, parted } = fill;
  if (form)
    return `${sequencesOf(batches)}: the keys and values are the same here and there, and with the count, tags and lengths that stand here no engine writes the batch`;
  if (batches.length === 0)
    return `the batch before it and the first of the next log follow each other in ${before.file}`;
  const becomes = sourceOf(database.target, contentWith(entry, [fill]));
  const proof = await withBoth(entry.source, becomes, async (mine, its) => {
    const end = offset + bytes.length;
    const units = await logUnits(its, dialectNamed(database.dialect).wal, { offset, length: bytes.length });
    const ranges = (await differences(mine, its)).filter((range) => range.offset < end);
    if (end > mine.size) {
      const from = Math.max(offset, mine.size);
      ranges.push({ offset: from, length: end - from });
    }
    const neighbours = parted ? undefined : { scattered: false, atStart: true, atEnd: true, alone: true };
    let weakest: Proof | undefined = 'checksum';
    for (const wound of woundsOf(ranges, units)) {
      const found = await proofOf(wound, units, {
        own: mine,
        becomes: its,
        ...(neighbours && { neighbours }),
      });
      if (found === undefined) return undefined;
      if (found !== 'checksum') weakest = found;
    }
    return weakest;
  });
  if (proof === undefined) return undefined;
  return `${sequencesOf(batches)}, between batches that are the same here and there (${alignment.same} are): ${PROOFS[proof]}`;
}

function contentWith(entry: InventoryEntry, fills: readonly Fill[]): Segment[] {
  const all: Segment[] = [{ from: 'file', ...filePlace(entry), offset: 0, length: entry.size }];
  const content: Segment[] = [];
  let reached = 0;
  for (const { offset, end, bytes } of fills) {
    content.push(...cut(all, reached, offset - reached));
    if (bytes.length > 0) content.push({ from: 'plan', bytes });
    reached = end;
  }
  return [...content, ...cut(all, reached, entry.size - reached)];
}

function mendedWith(entry: InventoryEntry, fills: readonly ProvenFill[], source: SecondSource): MendedFile {
  const taken = fills.flatMap(({ offset, bytes, before, batches, why }) => {
    const file = (batches[0] ?? before).file;
    const its = source.database.inventory.entries.find((each) => each.file === file)!;
    return [{ offset, length: bytes.length, from: twinOf(source, its), why }];
  });
  return { content: contentWith(entry, fills), taken };
}
