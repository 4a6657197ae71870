import type { ByteSource } from '../../../bytes/source.js';
import type { Range } from '../../../finding/finding.js';
import { BLOB } from '../../../format/blob/layout.js';
import { walkBlobFile } from '../../../format/blob/walk.js';
import type { DialectName } from '../../../format/dialect.js';
import { decodePhysicalHeader } from '../../../format/log/physical.js';
import { BLOCK_SIZE, LEGACY_HEADER, type LogDialect } from '../../../format/log/types.js';
import { BLOCK_TRAILER } from '../../../format/sst/handle.js';
import { openTable } from '../../../format/sst/table.js';
import { tableBlocks } from '../../../format/sst/table-blocks.js';
import { isEqual, overlaps } from './composition.js';

/** A piece of a file that has a checksum of its own: a block with its trailer, a physical record, a record of values. */
export interface Unit extends Range {
  /** Where the checksum stands; absent for a header or a footer without one. */
  checksum?: Range;
}

/** Blocks and footer of a whole table, in file order. */
export async function tableUnits(source: ByteSource, dialect: DialectName): Promise<Unit[]> {
  const table = await openTable(source, { dialect });
  const units: Unit[] = [];
  const known = new Set<number>();
  const add = ({ offset, size }: { offset: number; size: number }) => {
    if (known.has(offset)) return;
    known.add(offset);
    const checksum = { offset: offset + size + 1, length: BLOCK_TRAILER - 1 };
    units.push({ offset, length: size + BLOCK_TRAILER, checksum });
  };
  const data = await tableBlocks(table);
  if (data !== undefined) for await (const handle of data.handles) add(handle);
  for (const { handle } of table.blocks) add(handle);
  for (const { handle } of table.meta) add(handle);
  if (table.footer !== undefined)
    units.push({ offset: table.footer.offset, length: source.size - table.footer.offset });
  return units.sort((a, b) => a.offset - b.offset);
}

/** Of the checksums in the header of a record of values. */
const BLOB_CRCS = 24;
/** Bytes of a run of one byte that is looked at. */
const MOST_UNIFORM = 16 << 20;

/** Header, records and footer of a whole blob file. */
export async function blobUnits(source: ByteSource): Promise<Unit[]> {
  const units: Unit[] = [{ offset: 0, length: BLOB.headerLength }];
  const end = Math.max(BLOB.headerLength, source.size - BLOB.footerLength);
  for await (const { offset, length } of walkBlobFile(source, { end, contents: false }))
    units.push({
      offset,
      length,
      checksum: { offset: offset + BLOB_CRCS, length: BLOB.recordHeaderLength - BLOB_CRCS },
    });
  units.push({ offset: end, length: source.size - end });
  return units;
}

/** Physical records of a log, or of the part of one that begins and ends with a record. */
export async function logUnits(
  source: ByteSource,
  dialect: LogDialect,
  { offset: from, length: size }: Range = { offset: 0, length: source.size },
): Promise<Unit[]> {
  const units: Unit[] = [];
  const block = new Uint8Array(BLOCK_SIZE);
  for (let start = from - (from % BLOCK_SIZE); start < from + size; start += BLOCK_SIZE) {
    const length = Math.min(await source.read(block, start), from + size - start);
    for (let at = Math.max(0, from - start); at + LEGACY_HEADER <= length; ) {
      const header = decodePhysicalHeader(block, at, length, dialect);
      if (header === undefined || header.kind === 'zero') break;
      const taken = header.headerSize + header.length;
      units.push({ offset: start + at, length: taken, checksum: { offset: start + at, length: 4 } });
      at += taken;
    }
  }
  return units;
}

/** Whether a log holds zeros, and records that say another log's number, and nothing else: a header that says none counts as its own. */
export async function holdsNothingOf(
  source: ByteSource,
  number: bigint,
  dialect: LogDialect,
): Promise<boolean> {
  const own = Number(BigInt.asUintN(32, number));
  const block = new Uint8Array(BLOCK_SIZE);
  for (let start = 0; start < source.size; start += BLOCK_SIZE) {
    const length = await source.read(block, start);
    for (let at = 0; at + LEGACY_HEADER <= length; ) {
      const header = decodePhysicalHeader(block, at, length, dialect);
      if (header === undefined) break;
      if (header.kind === 'zero') {
        if (block.subarray(at, length).some((byte) => byte !== 0)) return false;
        break;
      }
      if (header.logNumber === undefined || header.logNumber === own) return false;
      at += header.headerSize + header.length;
    }
  }
  return true;
}

/** Why bytes of another file are the ones that were here. */
export type Proof = 'checksum' | 'contents' | 'neighbours' | 'prefix';

/** Ranges that touch the same units, or units side by side: one damage. */
interface Wound {
  ranges: Range[];
  /** Indexes among the units. */
  first: number;
  last: number;
}

/** Puts ranges, in file order, together by the units that they touch. */
export function woundsOf(ranges: readonly Range[], units: readonly Unit[]): Wound[] {
  const wounds: Wound[] = [];
  for (const range of ranges) {
    const first = units.findIndex((unit) => overlaps(unit, range));
    const last = units.findLastIndex((unit) => overlaps(unit, range));
    const before = wounds.at(-1);
    if (first >= 0 && before !== undefined && first <= before.last + 1) {
      before.ranges.push(range);
      before.last = Math.max(before.last, last);
    } else wounds.push({ ranges: [range], first, last });
  }
  return wounds;
}

/** What counts as a proof beside checksums and contents: that the units before and after agree. */
interface Surroundings {
  /** Damage may be of any shape: nothing but the same file of the same life has units that agree. Otherwise it is one run of bytes. */
  scattered: boolean;
  /** Whether nothing before the first unit, and nothing after the last, is as good as a unit that agrees. */
  atStart: boolean;
  atEnd: boolean;
  /** Whether that holds, too, where no unit is left that could agree. */
  alone: boolean;
}

/**
 * What proves bytes that replace what is wounded. `units` are those of the file as it becomes. The checksums that are still stored,
 * or all bytes but the checksum, are the same; or the units before and after are. `undefined`: nothing does.
 */
export async function proofOf(
  { ranges, first, last }: Wound,
  units: readonly Unit[],
  { own, becomes, neighbours }: { own: ByteSource; becomes: ByteSource; neighbours?: Surroundings },
): Promise<Proof | undefined> {
  if (first < 0) return undefined;
  const touched = units.slice(first, last + 1);
  const agree = (unit: Range) => isEqual(own, becomes, unit);
  const proven = async (unit: Unit): Promise<Proof | undefined> => {
    const { checksum: sum } = unit;
    if (sum === undefined) return undefined;
    if (await agree(sum)) return 'checksum';
    const before = { offset: unit.offset, length: sum.offset - unit.offset };
    const behind = sum.offset + sum.length;
    const rest = { offset: behind, length: unit.offset + unit.length - behind };
    return (await agree(before)) && (await agree(rest)) ? 'contents' : undefined;
  };
  const each = await Promise.all(touched.map(proven));
  const from = each.indexOf(undefined);
  if (from < 0) return each.find((proof) => proof === 'contents') ?? 'checksum';
  if (neighbours === undefined) return undefined;
  const { scattered, atStart, atEnd, alone } = neighbours;
  const to = each.lastIndexOf(undefined);
  const bare = touched.slice(from, to + 1);
  const isWhole = (unit: Unit) => ranges.some((range) => covers(range, unit));
  if (!scattered && !((await isOneRun(ranges, own)) && bare.every(isWhole))) return undefined;
  // a unit that is proven by itself is as good as one that was never touched
  const before = units[first - 1];
  const behind = units[last + 1];
  if (bare.length === units.length && !alone) return undefined;
  const previous = from > 0 || (before === undefined ? atStart : await agree(before));
  const next = to < touched.length - 1 || (behind === undefined ? atEnd : await agree(behind));
  if (!previous || !next) return undefined;
  return to === touched.length - 1 && behind === undefined ? 'prefix' : 'neighbours';
}

const covers = (range: Range, { checksum }: Unit) => checksum === undefined || overlaps(checksum, range);

/** Damage that went over everything, and did not pick single values: one range, or one byte again and again. */
async function isOneRun(ranges: readonly Range[], own: ByteSource): Promise<boolean> {
  if (ranges.length === 1) return true;
  const { offset } = ranges[0];
  const end = ranges.at(-1)!.offset + ranges.at(-1)!.length;
  if (end - offset > MOST_UNIFORM) return false;
  const bytes = new Uint8Array(end - offset);
  const length = await own.read(bytes, offset);
  return bytes.subarray(0, length).every((byte) => byte === bytes[0]);
}
