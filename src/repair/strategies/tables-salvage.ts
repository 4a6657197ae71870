import type { ByteSource } from '../../bytes/source.js';
import { findShift, offsetInFile } from '../../diagnose/shifted-table.js';
import { filesOf } from '../../engine/database.js';
import type { LiveTable } from '../../format/manifest/version.js';
import { comparatorNamed } from '../../format/sst/comparator.js';
import { userKeyOf } from '../../format/sst/internal-key.js';
import { loadBlock } from '../../format/sst/load.js';
import { dataBlockReader } from '../../format/sst/value-blocks.js';
import type { InventoryEntry } from '../../io/inventory.js';
import { PiecedSource } from '../../io/pieces.js';
import { isOlder } from '../../lsm/older-tables.js';
import type { LossStatement, Segment } from '../plan.js';
import { Refusal } from '../refusal.js';
import type { TombstonePolicy } from '../tombstone-policy.js';
import { openDamaged, type UsualForm } from './tables-blocks.js';
import { foundElsewhere } from './tables-elsewhere.js';
import {
  countOlder,
  type Hidden,
  hideOlder,
  hideUnderLostTombstones,
  hideUndoLogs,
  type Neighbours,
} from './tables-hide.js';
import { keysIn } from './tables-older.js';
import { pebbleRemains, refuseUnwritable } from './tables-pebble.js';
import { type Reading, readDamaged, wholeRange } from './tables-reading.js';
import { writeTable } from './tables-write.js';

export interface SalvageRequest extends Neighbours {
  /** Absent: the file is missing. */
  entry?: InventoryEntry;
  /** Where a block of the table stands in its file. Default: where its index has it. */
  inFile?(offset: number): number;
  /** The number of the new table. */
  number: bigint;
  columnFamilyName: string;
  policy: TombstonePolicy;
  /** The form of the other tables, for one that has lost its own. */
  usualForm: UsualForm;
  /** Whether the value at that offset of a blob file is lost: its key is then deleted, so that no older value shows. */
  lostBlob?(file: bigint, offset: bigint): boolean;
}

/** What is left of a table. */
export interface SalvagedTable {
  /** Absent when nothing is left to write. */
  replacement?: { live: LiveTable; content: Segment[] };
  loss: LossStatement[];
  /** Entries of blocks whose checksums do not hold. */
  unproven: LossStatement[];
  remarks: string[];
}

/**
 * A new table with everything that the damaged one still holds: good data blocks as they are, whole range tombstones, and in
 * place of what is lost whatever keeps older versions hidden. Index, filter, properties and footer are made anew, so damage
 * to them costs nothing.
 */
export async function salvageTable(request: SalvageRequest): Promise<SalvagedTable> {
  const { entry, table } = request;
  const source = entry === undefined ? undefined : await filesOf(request.database).open(entry.source);
  try {
    const shift = source && (await realigned(source, table));
    const reading: Reading =
      source === undefined
        ? {
            blocks: [],
            gaps: [wholeRange(table)],
            lostRangeTombstones: request.database.dialect === 'leveldb' ? 'none' : 'unknown',
          }
        : await readDamaged(
            await openDamaged(
              shift?.source ?? source,
              request.comparator,
              request.database.dialect,
              request.usualForm,
            ),
            table,
            request,
          );
    if (reading.opened?.table.properties?.has('embedded.blob.stats')) {
      throw new Refusal(
        'refused',
        `${entry?.file} holds values between its blocks, which kvdoctor cannot move`,
        'restore it from a backup',
      );
    }
    if (request.database.dialect === 'leveldb' && reading.opened !== undefined) {
      const found = await foundElsewhere(request, reading);
      reading.found = found;
      if (found?.complete) reading.gaps = [];
    }
    if (request.database.dialect === 'pebble' && reading.opened !== undefined) {
      refuseUnwritable(entry!.file, reading.opened, table);
      reading.pebble = await pebbleRemains(reading.opened);
    }
    const hidden = await hide(request, reading);
    return await writeTable({ ...request, ...(shift && { inFile: shift.inFile }) }, reading, hidden);
  } finally {
    await source?.close();
  }
}

/** A table that misses bytes, or has some too many, with its blocks where its index has them. */
async function realigned(source: ByteSource, table: LiveTable) {
  if (BigInt(source.size) === table.size) return undefined;
  const shift = await findShift(source, table);
  if (shift === undefined) return undefined;
  return {
    source: new PiecedSource(source.descriptor, shift.pieces),
    inFile: (offset: number) => offsetInFile(offset, shift.pieces, source),
  };
}

/** What keeps older versions hidden where entries are lost, as the policy wants it. */
async function hide(request: SalvageRequest, reading: Reading): Promise<Hidden> {
  const { policy, table } = request;
  const hidden: Hidden = { points: [], ranges: [] };
  const rangesLost = reading.lostRangeTombstones !== 'none';
  if (isUnordered(request)) return showOlder(request, reading);
  if (policy === 'accept' && request.database.dialect === 'leveldb') {
    await hideUndoLogs(request, reading.gaps, hidden);
    return { ...hidden, mayShow: (await countOlder(request, reading.gaps)) - hidden.points.length };
  }
  if (policy === 'accept' || (reading.gaps.length === 0 && !rangesLost)) return hidden;
  // with every deletion accounted for and no filter to tell keys apart, hiding would cost more than it saves
  const gaps = reading.gaps.filter((gap) => gap.mayHold !== undefined || reading.lostDeletions !== 0n);
  await hideOlder(request, gaps, hidden);
  const whole = wholeRange(table).range;
  if (rangesLost && reading.blocks.length > 0) await hideUnderLostTombstones(request, whole, hidden);
  if (policy === 'refuse' && hidden.points.length + hidden.ranges.length > 0) {
    throw new Refusal(
      'refused',
      `table ${table.number} lost what may be deletions: older versions of ${hidden.points.length} keys and ${hidden.ranges.length} ranges of keys would come back`,
      '--on-lost-tombstones keep-hidden hides them, accept lets them come back',
    );
  }
  return hidden;
}

/** In an order that only the application knows nothing can be hidden: what may come back is accepted, with its count, or refused. */
async function showOlder(request: SalvageRequest, reading: Reading): Promise<Hidden> {
  const mayShow = await mayComeBack(request, reading);
  if (mayShow === 0) return { points: [], ranges: [] };
  if (request.policy === 'accept') return { points: [], ranges: [], mayShow };
  throw new Refusal(
    'refused',
    `table ${request.table.number} lost entries, and older values of up to ${mayShow} keys in other tables would come back in their place: they cannot be kept hidden in the order ${request.comparator}, which is the application's own`,
    '--on-lost-tombstones accept lets them come back; a backup or a replica that still has the table is better',
  );
}

/** Keys that are told apart; with more of them the count is an upper bound. */
const MOST_KEYS = 2_000_000;

function isUnordered({ comparator }: Pick<Neighbours, 'comparator'>): boolean {
  return comparatorNamed(comparator || undefined).order === 'unknown';
}

/**
 * How many keys may show older values in the place of what a table lost, at most, where the order of keys is the application's
 * own: nobody can say which keys the lost part held, nor put a deletion in its place among the others. Left out are keys that the
 * table's filter denies or that stand in what is left of it.
 */
async function mayComeBack(at: Neighbours, reading: Reading): Promise<number> {
  if (reading.gaps.length === 0 && reading.lostRangeTombstones === 'none') return 0;
  const { database, version, table } = at;
  const tables = [...(version.columnFamilies.get(table.columnFamily)?.tables.values() ?? [])];
  const older = tables.filter((other) => isOlder(other, table));
  if (older.length === 0) return 0;
  // a lost range tombstone may have covered any key
  const byRange = reading.lostRangeTombstones !== 'none';
  const kept = byRange ? new Set<string>() : await keptKeys(reading);
  const denied = (key: Uint8Array) =>
    !byRange && reading.gaps.every(({ mayHold }) => mayHold !== undefined && !mayHold(key));
  const seen = new Set<string>();
  let beyond = 0;
  for (const other of older) {
    for await (const { key, sequence } of keysIn(database, version, table.columnFamily, [other])) {
      await at.pace.step();
      const name = nameOf(key);
      if (sequence >= table.largestSequence || denied(key) || kept.has(name)) continue;
      if (seen.size < MOST_KEYS) seen.add(name);
      else beyond++;
    }
  }
  return seen.size + beyond;
}

async function keptKeys({ opened, blocks }: Reading): Promise<Set<string>> {
  const keys = new Set<string>();
  for (const { offset, size } of blocks) {
    const { contents } = await loadBlock(opened!.space!, { offset, size }, 'data');
    if (contents === undefined) continue;
    const reader = dataBlockReader(contents, opened!.prefixed);
    for (let entry = reader.next(); entry !== undefined && keys.size < MOST_KEYS; entry = reader.next())
      keys.add(nameOf(userKeyOf(entry.key)));
  }
  return keys;
}

const nameOf = (key: Uint8Array) => Buffer.from(key).toString('latin1');
