import { sha256 } from '../../../bytes/sha256.js';
import type { ByteSource, SourceDescriptor } from '../../../bytes/source.js';
import { type Database, liveWals } from '../../../engine/database.js';
import { STORE_PATH } from '../../../engine/named-places.js';
import { FIRST_SEQUENCE } from '../../../engine/pebble-opened.js';
import type { Range } from '../../../finding/finding.js';
import { decodeBatch } from '../../../format/batch/decode.js';
import { dialectNamed } from '../../../format/dialect.js';
import { logName } from '../../../format/filename.js';
import type { Assembly } from '../../../format/log/assembly.js';
import { LogParser } from '../../../format/log/parser.js';
import { readLog } from '../../../format/log/read.js';
import type { InventoryEntry } from '../../../io/inventory.js';
import { openSource } from '../../../io/source.js';
import { sourceOf } from '../../preview.js';
import { beginTheSame, isEqual, overlaps, withBoth } from './composition.js';
import { hasSameManifest, isSameSession, LEAST_SHARED, partedIn, sharesWal } from './life.js';
import type { Part, TwinCheck } from './mend.js';
import {
  absentEntry,
  checkedOf,
  checker,
  filePlace,
  isLog,
  type LogId,
  logIdOf,
  ownLog,
  type Sought,
  usual,
} from './part.js';
import type { SecondSource, TwinFile } from './sources.js';
import { holdsNothingOf, logUnits } from './units.js';

/**
 * Live WALs of which a scan found something, that are shorter than in a source, or that are not there. `missed`: the number of the
 * first that is not there and must be, as a scan says.
 */
export async function soughtWals(
  database: Database,
  sources: readonly SecondSource[],
  { isFaulty, missed }: { isFaulty: (entry: InventoryEntry) => boolean; missed?: bigint },
): Promise<Sought[]> {
  const sizes = new Map<string, { id: LogId; size: number; root?: string }>();
  const second = ownSecond(database);
  const note = (entry: InventoryEntry, size: number) => {
    const id = logIdOf(entry);
    const name = logName(id.number, id.segment);
    const root = entry.place === 'wal-dir' ? second : undefined;
    sizes.set(name, { id, size: Math.max(size, sizes.get(name)?.size ?? 0), ...(root && { root }) });
  };
  for (const source of sources)
    for (const entry of source.database.inventory.entries)
      if (entry.kind === 'wal' && entry.number !== undefined && usual(entry)) note(entry, entry.size);
  for (const entry of database.inventory.entries)
    if (entry.kind === 'wal' && entry.number !== undefined) note(entry, 0);
  const theirs = sources.flatMap((source) => source.database.inventory.entries);
  const sought: Sought[] = [];
  for (const { id, size, root } of [...sizes.values()].sort((a, b) => inOrder(a.id, b.id))) {
    const { number } = id;
    if (number < database.walCutoff || (id.segment > 0 && database.dialect !== 'pebble')) continue;
    const own = ownLog(database, id);
    const sound = own !== undefined && own.size >= size && !isFaulty(own);
    // nothing in a log tells its number
    const isOther = own !== undefined && (await isCopiedAs(own, theirs));
    const isMissed =
      number === missed ||
      (missed !== undefined && number > missed && isNoneFrom(database, missed)) ||
      isSkipped(database, id);
    // an empty one counts so, too
    const isBare =
      own !== undefined && (own.size === 0 || (isFaulty(own) && (await isOfNothing(database, own))));
    if (!sound || isOther)
      sought.push(
        await walPart(database, { ...id, ...(root && { root }) }, own, { isOther, isMissed, isBare }),
      );
  }
  return sought;
}

/** The second directory of Pebble's logs where it is the store's own: one outside is written to only where it is named. */
const ownSecond = ({ options, inventory }: Database): string | undefined =>
  options.pebble?.secondaryDir?.startsWith(STORE_PATH) === true
    ? inventory.roots.find(({ place }) => place === 'wal-dir')?.directory
    : undefined;

/** In the order in which they were begun. */
const inOrder = (a: LogId, b: LogId): number =>
  a.number === b.number ? a.segment - b.segment : a.number < b.number ? -1 : 1;

/** Whether a later file of its log is here: their places are counted without a gap. */
const isSkipped = (database: Database, { number, segment }: LogId): boolean =>
  liveWals(database).some((wal) => wal.number === number && logIdOf(wal).segment > segment);

/** Whether no log is here from a number on. */
const isNoneFrom = (database: Database, first: bigint): boolean =>
  liveWals(database).every(({ number }) => number! < first);

async function isOfNothing({ dialect }: Database, { source, number }: InventoryEntry): Promise<boolean> {
  const opened = await openSource(source);
  try {
    return await holdsNothingOf(opened, number!, dialectNamed(dialect).wal);
  } finally {
    await opened.close();
  }
}

async function walPart(
  database: Database,
  id: LogId & { root?: string },
  own: InventoryEntry | undefined,
  { isOther, isMissed, isBare }: { isOther: boolean; isMissed: boolean; isBare: boolean },
): Promise<Sought> {
  const { number } = id;
  const entry = own ?? absentEntry(database, 'wal', id);
  const run = checker(database, entry);
  const check = async (descriptor: SourceDescriptor, size: number): Promise<TwinCheck> => {
    const result = await run(descriptor, size);
    const { end = 0 } = result.facts.kind === 'wal' ? result.facts : {};
    const cleanEnd = result.facts.kind === 'wal' && ['clean', 'closed'].includes(result.facts.tail);
    return { ...checkedOf(result), end: cleanEnd ? size : end };
  };
  const mine = own && !isBare ? { size: own.size, checked: await check(own.source, own.size) } : undefined;
  if (mine !== undefined && isOther) mine.checked.identity = 'other';
  const part: Part = {
    ...filePlace(entry),
    ...(mine && { own: mine }),
    neighboursProve: async (twins) => {
      for (const { source } of twins) {
        const parted = await partedIn(database, source);
        if (parted !== undefined && parted < number) return 'never';
      }
      const isOfOneSession = await all(twins, ({ source }) => isSameSession(database, source));
      if (isOfOneSession) return 'alone';
      return (await all(twins, (twin) => isJoined(database, id, twin))) ? 'beside' : undefined;
    },
    check,
    units: (source) => logUnits(source, dialectNamed(database.dialect).wal),
    whole: async (twin) => {
      if (await isCopiedAs(twin.entry, database.inventory.entries))
        return 'it stands here under the number of another WAL';
      if ((own === undefined || isBare) && (await isBetween(database, id, twin, isMissed)))
        return 'the WALs before and after it are the same here and in the source, and the sequences between them are in it';
      if (!(await isSameSession(database, twin.source))) return undefined;
      if (await fitsBefore(database, id, twin)) return 'it ends where the next WAL begins';
      if (isBare)
        return 'it is here and holds nothing of its own, and both are of one life, as their MANIFESTs tell';
      if (own === undefined && isMissed)
        return 'the MANIFEST needs it or one before it, and both are of one life';
      return (await sharesWal(database, twin.source, number + 1n))
        ? 'the WALs that were begun later are the same here and in the source'
        : undefined;
    },
    sameLife: async (twin) =>
      (await isSameSession(database, twin.source)) || (await isJoined(database, id, twin)),
    mayGoOn: async (twin) => {
      const { facts } = await checker(database, twin.entry)(twin.entry.source, twin.entry.size);
      const isClosed = facts.kind === 'wal' && facts.tail === 'closed';
      return !isClosed && !(await fitsBefore(database, id, twin));
    },
    ...(mine && {
      givesUp: ({ content }) =>
        lostRecord(database, entry, {
          becomes: sourceOf(database.target, content),
          damage: mine.checked.damage,
        }),
    }),
  };
  const isTwin = (each: InventoryEntry) => isLog(each, id);
  return { part, ...(own && { own }), isTwin };
}

/** Bytes of the sequence at the beginning of a batch. */
const SEQUENCE = 8;

/** The offset of the first record that a log holds, of which nothing is wrong, and that is nowhere in the log as it becomes. */
async function lostRecord(
  { dialect }: Database,
  { source, number }: InventoryEntry,
  { becomes, damage }: { becomes: SourceDescriptor; damage: readonly Range[] },
): Promise<number | undefined> {
  const parserOf = (opened: ByteSource) => new LogParser(opened, { number: number!, dialect });
  return withBoth(source, becomes, async (own, other) => {
    let kept: Set<string> | undefined;
    let lost: number | undefined;
    await readLog(parserOf(own), {
      record: async (record) => {
        const { offset, endOffset } = record;
        const place = { offset, length: endOffset - offset };
        if (damage.some((each) => overlaps(each, place)) || (await isEqual(own, other, place))) return;
        const batch = record.bytes.subarray(record.start, record.end);
        if (decodeBatch(batch, { dialect }).anomalies.length > 0) return;
        const digest = digestOf(record);
        // a record may stand further on, behind one that is missing here
        kept ??= await recordsOf(parserOf(other));
        if (kept.has(digest)) return;
        lost = offset;
        return 'stop';
      },
    });
    return lost;
  });
}

async function recordsOf(parser: LogParser): Promise<Set<string>> {
  const digests = new Set<string>();
  const record = (each: Assembly) => void digests.add(digestOf(each));
  await readLog(parser, { record });
  return digests;
}

/** Of all but the sequence: operations that stand under another one are kept all the same. */
const digestOf = ({ bytes, start, end }: Assembly): string =>
  sha256()
    .update(bytes.subarray(Math.min(start + SEQUENCE, end), end))
    .digest('base64');

async function all<T>(values: readonly T[], is: (value: T) => Promise<boolean>): Promise<boolean> {
  for (const value of values) if (!(await is(value))) return false;
  return true;
}

/** Whether the next WAL is the same here and in the source as far as both reach, and begins where a WAL of the source ends. */
async function isJoined(database: Database, id: LogId, twin: TwinFile): Promise<boolean> {
  const next = nextWal(database, id);
  const its = next && ownLog(twin.source.database, logIdOf(next));
  const shared = Math.min(next?.size ?? 0, its?.size ?? 0);
  if (next === undefined || its === undefined || shared < LEAST_SHARED) return false;
  return (await fitsBefore(database, id, twin)) && beginTheSame(next.source, its.source, shared);
}

/** Whether a WAL of the source lies between two that are the same here and there; before it may be nothing but the first sequence. */
async function isBetween(database: Database, id: LogId, twin: TwinFile, isMissed: boolean): Promise<boolean> {
  // a checkpoint has another MANIFEST, and the logs under their own numbers
  if (!isMissed && !(await hasSameManifest(database, twin.source))) return false;
  if (!(await isJoined(database, id, twin))) return false;
  const [mine, its] = [database, twin.source.database].map((each) =>
    liveWals(each).findLast((wal) => inOrder(logIdOf(wal), id) < 0 && usual(wal)),
  );
  if (mine !== undefined && its !== undefined)
    return (
      inOrder(logIdOf(mine), logIdOf(its)) === 0 &&
      mine.size === its.size &&
      (await beginTheSame(mine.source, its.source, mine.size))
    );
  // the next file of its log is the same here and there
  if (mine === its && isSkipped(database, id)) return true;
  const { facts } = await checker(database, twin.entry)(twin.entry.source, twin.entry.size);
  const first = database.dialect === 'pebble' ? FIRST_SEQUENCE : 1n;
  return mine === its && facts.kind === 'wal' && facts.firstSequence === first;
}

/** The next WAL that holds something. */
const nextWal = (database: Database, id: LogId): InventoryEntry | undefined =>
  liveWals(database).find((each) => usual(each) && inOrder(logIdOf(each), id) > 0 && each.size > 0);

/** Whether the sequences of the next WAL, or file of one, here go on where those of a WAL end. */
async function fitsBefore(database: Database, id: LogId, { entry }: TwinFile): Promise<boolean> {
  const next = nextWal(database, id);
  if (next === undefined) return false;
  const mine = (await checker(database, entry)(entry.source, entry.size)).facts;
  const following = (await checker(database, next)(next.source, next.size)).facts;
  return (
    mine.kind === 'wal' &&
    following.kind === 'wal' &&
    mine.nextSequence !== undefined &&
    following.firstSequence !== undefined &&
    // the next file of a log begins with what the disk may not have taken of this one
    (next.number === id.number
      ? following.firstSequence <= mine.nextSequence && following.nextSequence! >= mine.nextSequence
      : mine.nextSequence === following.firstSequence)
  );
}

/** Whether a log holds the very bytes of one of these that has another number. */
async function isCopiedAs(log: InventoryEntry, others: readonly InventoryEntry[]): Promise<boolean> {
  if (log.size < LEAST_SHARED) return false;
  for (const other of others) {
    if (other.kind !== 'wal' || !usual(other) || other.number === log.number || other.size !== log.size)
      continue;
    if (await beginTheSame(log.source, other.source, log.size)) return true;
  }
  return false;
}
