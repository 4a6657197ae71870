import type { ByteSource } from '../../bytes/source.js';
import { checkBlob } from '../../check/blob/blob.js';
import { codecOf, compressBlock, decompressBlock } from '../../codec/block.js';
import { encodeBlobFileFooter, encodeBlobFileHeader, encodeBlobRecord } from '../../encode/blob/blob-file.js';
import { keyBytes } from '../../finding/evidence.js';
import { counted } from '../../finding/quantity.js';
import { isBlobFileFooter } from '../../format/blob/footer.js';
import { BLOB } from '../../format/blob/layout.js';
import { walkBlobFile } from '../../format/blob/walk.js';
import type { LiveBlobFile } from '../../format/manifest/version.js';
import type { InventoryEntry } from '../../io/inventory.js';
import { openSource } from '../../io/source.js';
import { contentSize } from '../content.js';
import type { LossStatement, RepairStep, Segment } from '../plan.js';

/** Keys that a statement of loss names. */
const MOST_KEYS = 20;

export interface BlobRepair {
  step?: RepairStep;
  loss?: LossStatement;
  /** What the MANIFEST has to say of the file then. Absent: the file is gone. */
  live?: LiveBlobFile;
  /** Values that cannot be read any more, by the file offset of the value. */
  lost(offset: bigint): boolean;
}

/** A run of bytes in which no value can be read, by offsets of the file as it is. */
interface Unreadable {
  from: number;
  to: number;
  key?: Uint8Array;
  /** Records that can be read before it. */
  before: number;
}

/** What takes the place of such a run: so many bytes, one record or nothing. */
interface Filled extends Unreadable {
  room: number;
}

/**
 * Puts a damaged blob file right with every record where it was, since tables name values by their place: header and footer are
 * written anew, what cannot be read becomes one record of nothing, and a file that was cut ends after its last whole record. Where
 * bytes were put in or taken out at one place, the records after it go back to where they were.
 * The tables have to let go of what is lost. `undefined`: nothing is wrong with it.
 */
export async function repairBlob(entry: InventoryEntry, live: LiveBlobFile): Promise<BlobRepair | undefined> {
  const source = await openSource(entry.source);
  try {
    const { findings } = await checkBlob(source, {
      file: entry.file,
      number: live.number,
      depth: 'full',
      live,
    });
    if (!findings.some(({ severity }) => severity === 'error')) return undefined;
    const start = new Uint8Array(BLOB.headerLength);
    await source.read(start, 0);
    const compression = await compressionOf(source, start[COMPRESSION_AT], live);
    const recordsEnd = BLOB.headerLength + Number(live.totalBytes);
    // bytes put in, or below 0 taken out, before a footer that is whole
    const shift = (await endsWithFooter(source)) ? source.size - BLOB.footerLength - recordsEnd : 0;
    const end = shift === 0 ? Math.min(source.size, recordsEnd) : source.size - BLOB.footerLength;
    const bad: Unreadable[] = [];
    let records = 0;
    let kept: number = BLOB.headerLength;
    for await (const span of walkBlobFile(source, { end, contents: true })) {
      const to = span.offset + span.length;
      const fine =
        span.kind === 'record' &&
        span.computedBlobCrc === span.header.blobCrc &&
        opens(span.value, compression);
      if (fine) {
        records++;
        kept = to;
      } else {
        const key = span.kind === 'record' ? span.key?.slice() : undefined;
        const last = bad.at(-1);
        if (last?.to === span.offset) last.to = to;
        else bad.push({ from: span.offset, to, before: records, ...(key && { key }) });
      }
    }
    const moved = shift !== 0 && bad.length === 1 && bad[0].from < kept ? shift : 0;
    const filled = bad
      .filter(({ from }) => from < kept)
      .map((run): Filled => ({ ...run, room: run.to - run.from - moved }));
    // no record has room there, or several places share the shift: what is after it is not where tables look for it
    const unfit =
      shift !== moved ? 0 : filled.findIndex(({ room }) => room !== 0 && room < BLOB.recordHeaderLength);
    if (unfit >= 0 && filled.length > 0) {
      kept = filled[unfit].from;
      records = filled[unfit].before;
      filled.length = unfit;
    }
    const gone = filled.flatMap(({ from, room, key }) =>
      room === 0 ? [] : [{ from, to: from + room, key }],
    );
    const lastPlace = kept - (filled.length > 0 ? moved : 0);
    if (lastPlace < recordsEnd) gone.push({ from: lastPlace, to: recordsEnd, key: undefined });
    const lost = (offset: bigint) => gone.some(({ from, to }) => offset >= from && offset < to);
    const loss = gone.length === 0 ? undefined : lossOf(entry, gone);
    const count = records + filled.filter(({ room }) => room > 0).length;
    if (records === 0) return { lost: () => true, ...(loss && { loss }) };
    const header = encodeBlobFileHeader(live.columnFamily, compression);
    const content = contentOf(entry, header, kept, filled, count);
    const whole = contentSize(content);
    const step: RepairStep = {
      action: 'write',
      path: entry.file,
      ...(entry.root !== undefined && { root: entry.root }),
      why: 'values, header or footer are damaged; records that can be read stay where they are',
      changes: [
        ...filled.map(({ from, to, room }) => ({
          kind: 'rewrite' as const,
          offset: from,
          length: to - from,
          detail:
            room === 0
              ? 'bytes that were put in, taken out'
              : 'values that cannot be read, made one empty record',
        })),
        { kind: 'rewrite', offset: kept, length: Math.max(0, source.size - kept), detail: 'the footer' },
      ],
      content,
    };
    const fillers = filled.reduce((sum, { room }) => sum + BigInt(room), 0n);
    // of a file that was cut nothing tells which of the values left are garbage, and one that is all garbage is not in a version
    const { garbageCount, garbageBytes } =
      BigInt(count) < live.totalCount ? { garbageCount: 0n, garbageBytes: 0n } : live;
    const changed: LiveBlobFile = {
      ...live,
      totalCount: BigInt(count),
      totalBytes: BigInt(whole - BLOB.headerLength - BLOB.footerLength),
      garbageCount: min(garbageCount + BigInt(count - records), BigInt(count)),
      garbageBytes: min(garbageBytes + fillers, BigInt(whole - BLOB.headerLength - BLOB.footerLength)),
      // a checksum of the file as it was says nothing about the new one
      checksumMethod: '',
      checksum: new Uint8Array(0),
    };
    return { step, live: changed, lost, ...(loss && { loss }) };
  } finally {
    await source.close();
  }
}

const COMPRESSION_AT = 13;
/** Types that blob files can have, and values that are tried to tell which it is. */
const TYPES = [1, 2, 3, 4, 5, 7];
const TRIED = 8;

function opens(value: Uint8Array | undefined, compression: number): boolean {
  // values too large for memory have their checksum
  if (value === undefined || compression === 0) return true;
  return decompressBlock(compression, value).bytes !== undefined;
}

/** The compression that the header states, or, where no value decompresses so, the one with which they all do. */
async function compressionOf(source: ByteSource, stated: number, live: LiveBlobFile): Promise<number> {
  const end = Math.min(source.size, BLOB.headerLength + Number(live.totalBytes));
  const values: Uint8Array[] = [];
  for await (const span of walkBlobFile(source, { end, contents: true })) {
    if (span.kind === 'record' && span.value && span.computedBlobCrc === span.header.blobCrc) {
      values.push(span.value.slice());
    }
    if (values.length === TRIED) break;
  }
  if (codecOf(stated) !== undefined && values.some((value) => opens(value, stated))) return stated;
  return TYPES.find((type) => values.length > 0 && values.every((value) => opens(value, type))) ?? 0;
}

async function endsWithFooter(source: ByteSource): Promise<boolean> {
  const at = source.size - BLOB.footerLength;
  if (at < BLOB.headerLength) return false;
  const bytes = new Uint8Array(BLOB.footerLength);
  await source.read(bytes, at);
  return isBlobFileFooter(bytes);
}

const min = (a: bigint, b: bigint): bigint => (a < b ? a : b);

function contentOf(
  entry: InventoryEntry,
  header: Uint8Array,
  kept: number,
  filled: readonly Filled[],
  count: number,
): Segment[] {
  const place = { path: entry.file, ...(entry.root !== undefined && { root: entry.root }) };
  const content: Segment[] = [{ from: 'plan', bytes: header }];
  let at: number = BLOB.headerLength;
  for (const { from, to, room: size } of filled) {
    content.push({ from: 'file', ...place, offset: at, length: from - at });
    at = to;
    if (size === 0) continue;
    // a key as long as it takes, and the least value that decompresses
    const least = compressBlock(header[COMPRESSION_AT], Uint8Array.of(0)) ?? new Uint8Array(0);
    const room = size - BLOB.recordHeaderLength;
    const value = least.length <= room ? least : new Uint8Array(0);
    content.push({
      from: 'plan',
      bytes: encodeBlobRecord({ key: new Uint8Array(room - value.length), value }),
    });
  }
  content.push({ from: 'file', ...place, offset: at, length: kept - at });
  content.push({ from: 'plan', bytes: encodeBlobFileFooter(count) });
  return content;
}

function lossOf(
  entry: InventoryEntry,
  bad: readonly Pick<Unreadable, 'from' | 'to' | 'key'>[],
): LossStatement {
  const keys = bad.flatMap(({ key }) => (key === undefined ? [] : [key]));
  return {
    file: entry.file,
    ...(entry.root !== undefined && { root: entry.root }),
    detail: `the values between ${bad[0].from} and ${bad.at(-1)!.to} in ${counted(bad.length, 'place')}`,
    facts: {
      places: bad.length,
      from: bad[0].from,
      to: bad.at(-1)!.to,
      ...(keys.length > 0 && { keys: keys.slice(0, MOST_KEYS).map(keyBytes) }),
      ...(keys.length > MOST_KEYS && { notListed: keys.length - MOST_KEYS }),
    },
  };
}
