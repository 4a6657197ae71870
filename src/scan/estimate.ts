import type { Depth } from '../check/unit.js';
import { BACKUP_DIRECTORIES } from '../engine/detect.js';
import { nameInDatabase } from '../format/backup-name.js';
import { parseFileName } from '../format/filename.js';
import { indexArchive } from '../io/archive-index.js';
import { sniffArchive } from '../io/archive-stream.js';
import { fileSize } from '../io/file-size.js';
import { takeInventory } from '../io/inventory.js';
import { listBelow } from '../io/listing.js';
import { isObjectAddress } from '../io/objects/address.js';
import { isRanges } from '../io/objects/archive.js';
import { listObjects } from '../io/objects/listing.js';
import { RANGE } from '../io/objects/ranges.js';
import { trafficSoFar } from '../io/objects/traffic.js';
import type { ScanOptions } from './options.js';

/** What a scan would ask for. `requests`: of an object store, about. */
export interface ReadCost {
  bytes: number;
  requests: number;
}

/** What scans of one target would read, known from names and sizes alone. */
export interface Estimate {
  path: string;
  files: number;
  bytes: number;
  depths: Record<Depth, ReadCost>;
}

interface Sized {
  path: string;
  size: number;
}

/** Of a table, what a scan of its structure reads: its end, and an index of about this share. */
const TABLE_END = 48 << 10;
const TABLE_INDEX = 0.008;

/** What is read of the first table before all others, for the order of its keys, beside its structure, which is read again. */
const FIRST_BLOCKS = 256 << 10;

/** A table is read from its beginning on in requests that grow from this size to `RANGE`. */
const FIRST_REQUEST = 1 << 20;

/** Files of which no more than this is read: the head of LOG, files of other programs. */
const HEAD = 64 << 10;

/** What scans of a target would read, by depth. Nothing but names and sizes is read for it, and the headers of a tar archive. */
export async function estimateScan(target: string, { store }: ScanOptions = {}): Promise<Estimate> {
  const before = trafficSoFar().requests;
  const { files, packed } = await filesOf(target, store);
  const listed = trafficSoFar().requests - before;
  const inStore = isObjectAddress(target);
  const first = packed ? undefined : files.find(isTable);
  const reading = (depth: Depth): ReadCost => {
    const all = files.map((file) => (packed ? whole(file) : readingOf(file, depth)));
    // a small one is read once
    if (first !== undefined && first.size > FIRST_BLOCKS) all.push(orderOf(first));
    return {
      bytes: all.reduce((sum, { bytes }) => sum + bytes, 0),
      requests: inStore ? all.reduce((sum, { requests }) => sum + requests, listed) : 0,
    };
  };
  return {
    path: target,
    files: files.length,
    bytes: files.reduce((sum, { size }) => sum + size, 0),
    depths: { structure: reading('structure'), checksums: reading('checksums'), full: reading('full') },
  };
}

/** `packed`: as archives that are read from end to end, whatever the depth is. */
async function filesOf(
  target: string,
  store: ScanOptions['store'],
): Promise<{ files: Sized[]; packed: boolean }> {
  if (isObjectAddress(target)) {
    const place = await listObjects(target, store);
    if (place.kind === 'directory') return { files: [...place.listing.files.values()], packed: false };
    return archived(target, place.file.size, place.file.source);
  }
  const size = await fileSize(target);
  if (size !== undefined) return archived(target, size);
  const { entries } = await takeInventory(target, {});
  const below = await listBelow(target, BACKUP_DIRECTORIES);
  return {
    files: [...entries.map(({ file, size }) => ({ path: file, size })), ...below.files.values()],
    packed: false,
  };
}

async function archived(target: string, size: number, source?: Parameters<typeof sniffArchive>[1]) {
  const kind = await sniffArchive(target, source);
  const file = { path: target, size };
  if (kind === undefined || !isRanges(kind)) return { files: [file], packed: kind !== undefined };
  const { files } = await indexArchive(target, kind, {
    verify: false,
    onRead() {},
    ...(source && { source }),
  });
  return { files: [...files.values()], packed: false };
}

function whole({ size }: Sized): ReadCost {
  return { bytes: size, requests: Math.ceil(size / RANGE) };
}

const isTable = ({ path }: Sized) => parseFileName(nameInDatabase(path)).kind === 'table';

/** What it takes to see how the keys of a table are ordered. */
function orderOf(table: Sized): ReadCost {
  const { bytes, requests } = structureOf(table);
  return { bytes: Math.min(table.size, bytes + FIRST_BLOCKS), requests: requests + 1 };
}

function structureOf({ size }: Sized): ReadCost {
  return {
    bytes: Math.min(size, TABLE_END + Math.ceil(size * TABLE_INDEX)),
    requests: size > TABLE_END ? 2 : 1,
  };
}

function readingOf(file: Sized, depth: Depth): ReadCost {
  const { size } = file;
  const { kind } = parseFileName(nameInDatabase(file.path));
  if (kind === 'other' || kind === 'info-log') return whole({ ...file, size: Math.min(size, HEAD) });
  if (kind !== 'table') return whole(file);
  if (size <= TABLE_END) return whole(file);
  const structure = structureOf(file);
  if (depth === 'structure') return structure;
  // the filter is a request of its own
  const growing = Math.max(0, Math.ceil(Math.log2(Math.min(size, 2 * RANGE) / FIRST_REQUEST)));
  return { bytes: size, requests: structure.requests + 1 + Math.ceil(size / RANGE) + growing };
}
