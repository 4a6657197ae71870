import type { ByteSource } from '../../bytes/source.js';
import type { EvidenceValue } from '../../finding/evidence.js';
import type { Anomaly } from '../../finding/finding.js';
import {
  decodeFooter,
  type Footer,
  type FooterReading,
  LONGEST_FOOTER,
  magicAt,
  nearestMagic,
  SHORTEST_FOOTER,
  type TableMagic,
} from './footer.js';
import { confirms, holdsBlock, repairFooter } from './footer-repair.js';
import { handleFits } from './handle.js';

/** How far from the end a footer is looked for when the file does not end in one: appended bytes are a page or two. */
const SEARCH = 1024 * 1024;
/** More wrong bits than these in the magic number, and the 8 bytes are something else. */
const MAGIC_BITS = 8;
const LARGEST_METAINDEX = 1024 * 1024;
/** Bytes at the beginning of every footer that hold handles, neither of which is of an empty block, and maybe a checksum type. */
const HANDLES = 40;

/**
 * Finds the footer of a table. Where the file does not end in one, it is looked for under a damaged magic number and
 * before appended bytes; a footer found so counts only when the metaindex that it names is intact.
 */
export async function locateFooter(source: ByteSource): Promise<FooterReading> {
  const { size } = source;
  if (size === 0)
    return { anomalies: [{ rule: 'sst/empty', offset: 0, length: 0, message: 'the table is empty' }] };
  const tailLength = Math.min(size, LONGEST_FOOTER);
  const tail = new Uint8Array(tailLength);
  const base = size - tailLength;
  const got = await source.read(tail, base);
  if (got < tailLength) return { anomalies: [shrunk(base + got, size)] };
  const magic = magicAt(tail, tailLength);
  if (magic !== undefined) return checked(source, tail, base, magic);
  if (size < SHORTEST_FOOTER) {
    const message = `${size} bytes are too few for a table`;
    return { anomalies: [{ rule: 'sst/truncated', offset: size, length: 0, message }] };
  }
  return (await underDamagedMagic(source, tail, base)) ?? (await beforeTheEnd(source));
}

/**
 * Decodes a footer and, where it is damaged or leads to no metaindex, looks for the one bit that is wrong with it: footers
 * up to format version 5 have no checksum, and without this the block at the wrong place would be blamed.
 */
async function checked(
  source: ByteSource,
  tail: Uint8Array,
  base: number,
  magic: TableMagic,
): Promise<FooterReading> {
  const reading = decodeFooter(tail, tail.length, base, magic);
  const { footer, anomalies, unsupported } = reading;
  if (magic.format === 'plain' || magic.format === 'cuckoo') return reading;
  if (footer === undefined || unsupported !== undefined) return reading;
  const zeros = footer.offset - base;
  if (isZero(tail, zeros, zeros + HANDLES)) {
    const message = 'the footer is zeros up to the version or magic number at its end';
    return { anomalies: [{ rule: 'sst/zeroed', offset: footer.offset, length: HANDLES, message }] };
  }
  const isFine = anomalies.length === 0 && (footer.baseContext !== 0 || (await confirms(source, footer)));
  if (isFine) return reading;
  const repair = await repairFooter(source, tail, base, magic);
  if (repair === undefined) return reading;
  const evidence: Record<string, EvidenceValue> = { ...anomalies[0]?.evidence };
  if (repair.change !== undefined) evidence.changes = [repair.change];
  const { offset, length } = footer;
  const rule = anomalies[0]?.rule ?? 'sst/bad-footer';
  const message =
    anomalies[0]?.message ?? 'One bit of the footer is wrong: it does not lead to the blocks of the table';
  return { footer: repair.footer, anomalies: [{ rule, offset, length, message, evidence }] };
}

function shrunk(offset: number, size: number): Anomaly {
  const message = `the file had ${size} bytes when it was opened and ends at ${offset} now`;
  return { rule: 'sst/truncated', offset, length: 0, message };
}

async function underDamagedMagic(
  source: ByteSource,
  tail: Uint8Array,
  base: number,
): Promise<FooterReading | undefined> {
  const { magic, bits } = nearestMagic(tail, tail.length);
  if (bits > MAGIC_BITS || magic.length > tail.length) return undefined;
  const whole = repaired(tail, magic);
  const reading = decodeFooter(whole, tail.length, base, magic);
  const { footer } = reading;
  if (footer === undefined || !(await metaindexHolds(source, footer))) return undefined;
  const message = `the magic number at the end of the table is wrong in ${bits === 1 ? 'one bit' : `${bits} bits`}`;
  const { offset, length } = footer;
  const evidence = { bits, changes: changedBits(tail, whole, base) };
  reading.anomalies = [{ rule: 'sst/bad-magic', offset, length, message, evidence }];
  return reading;
}

/** The bits in which two runs of bytes differ, as places in the file. */
function changedBits(from: Uint8Array, to: Uint8Array, base: number): { offset: number; bit: number }[] {
  const changes: { offset: number; bit: number }[] = [];
  for (let i = 0; i < from.length; i++) {
    for (let bit = 0; bit < 8; bit++) {
      if (((from[i] ^ to[i]) & (1 << bit)) !== 0) changes.push({ offset: base + i, bit });
    }
  }
  return changes;
}

/** The tail with the magic number put right. */
function repaired(tail: Uint8Array, magic: { low: number; high: number }): Uint8Array {
  const copy = new Uint8Array(tail);
  const view = new DataView(copy.buffer);
  view.setUint32(copy.length - 8, magic.low, true);
  view.setUint32(copy.length - 4, magic.high, true);
  return copy;
}

async function beforeTheEnd(source: ByteSource): Promise<FooterReading> {
  const { size } = source;
  const length = Math.min(size, SEARCH);
  const base = size - length;
  const bytes = new Uint8Array(length);
  const got = await source.read(bytes, base);
  for (let end = got - 1; end >= SHORTEST_FOOTER; end--) {
    const magic = magicAt(bytes, end);
    if (magic === undefined) continue;
    const reading = decodeFooter(bytes, end, base, magic);
    const { footer } = reading;
    if (footer === undefined || !(await metaindexHolds(source, footer))) continue;
    const message = `${size - base - end} bytes follow the footer of the table`;
    const evidence = { zeroes: isZero(bytes, end, got) };
    reading.anomalies.push({
      rule: 'sst/trailing-bytes',
      offset: base + end,
      length: size - base - end,
      message,
      evidence,
    });
    return reading;
  }
  return { anomalies: [missing(bytes, got, base)] };
}

/** No footer anywhere: says whether the end of the file was never written or never made it. */
function missing(bytes: Uint8Array, end: number, base: number): Anomaly {
  let zeroes = 0;
  while (zeroes < end && bytes[end - 1 - zeroes] === 0) zeroes++;
  const size = base + end;
  if (zeroes >= SHORTEST_FOOTER) {
    const message = `the last ${zeroes} bytes of the table are zeros, where index and footer should be`;
    return { rule: 'sst/zeroed', offset: size - zeroes, length: zeroes, message };
  }
  return { rule: 'sst/truncated', offset: size, length: 0, message: 'the table ends without a footer' };
}

async function metaindexHolds(source: ByteSource, footer: Footer): Promise<boolean> {
  const { metaindex } = footer;
  if (metaindex === undefined || metaindex.size > LARGEST_METAINDEX) return false;
  // plain and cuckoo tables have no checksums that could tell
  if (footer.format === 'plain' || footer.format === 'cuckoo') return handleFits(metaindex, footer.offset);
  return holdsBlock(source, footer, metaindex);
}

function isZero(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (bytes[i] !== 0) return false;
  return true;
}
