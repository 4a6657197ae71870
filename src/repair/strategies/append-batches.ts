import type { BatchOpInput } from '../../encode/batch/encode.js';
import { encodeBatch } from '../../encode/batch/encode.js';
import { LogWriter } from '../../encode/log/writer.js';
import type { Database } from '../../engine/database.js';
import { fileName } from '../../format/filename.js';
import { placeIn, walRoot } from '../place.js';
import type { ByteChange, RepairStep, Segment } from '../plan.js';
import type { WalState } from './wal-state.js';

/** Operations that become batches after the last one of the WALs. */
interface Appendix {
  /** A batch each. */
  batches: readonly (readonly BatchOpInput[])[];
  /** The last sequence number that is taken. */
  lastSequence: bigint;
  why: string;
  detail: string;
}

/**
 * The step that puts batches after all that the WALs hold. They go to the end of the newest WAL where every column family
 * still reads that one, else into a new WAL with a number above all others: recovery skips what a log below a column
 * family's own log number says about it (rocksdb db/write_batch.cc, SeekToColumnFamily).
 */
export function appendBatches(database: Database, wals: readonly WalState[], appendix: Appendix): RepairStep {
  const needed = lowestUsableLog(database);
  const newest = wals.at(-1);
  if (newest !== undefined && (newest.entry.number ?? 0n) >= needed) return appended(newest, appendix);
  return created(database, freeNumber(database, needed), appendix);
}

/** The highest log number of a column family: operations in older logs are taken to be in its tables already. */
function lowestUsableLog({ version }: Database): bigint {
  let highest = 0n;
  for (const { logNumber } of version?.columnFamilies.values() ?? [])
    if (logNumber !== undefined && logNumber > highest) highest = logNumber;
  return highest;
}

/** A file number that no file or edit is known to have used. */
function freeNumber({ version, inventory }: Database, atLeast: bigint): bigint {
  let number = atLeast;
  if (version?.nextFileNumber !== undefined && version.nextFileNumber > number)
    number = version.nextFileNumber;
  for (const entry of inventory.entries)
    if (entry.number !== undefined && entry.number >= number) number = entry.number + 1n;
  return number;
}

function framed(writer: LogWriter, { batches, lastSequence }: Appendix): Uint8Array {
  let sequence = lastSequence + 1n;
  const records = batches.map((ops) => {
    const record = writer.record(encodeBatch({ sequence, ops })).slice();
    sequence += BigInt(ops.filter(({ kind }) => kind !== 'log-data').length);
    return record;
  });
  return Buffer.concat(records);
}

function appended({ entry, place, facts }: WalState, appendix: Appendix): RepairStep {
  const { end, recyclable, compressed } = facts;
  const writer = new LogWriter({
    number: facts.number,
    offset: end,
    recyclable,
    // without a prefix there is no compression record either
    compressed: compressed && end > 0,
  });
  const bytes = framed(writer, appendix);
  const head: Segment[] = end > 0 ? [{ from: 'file', ...place, offset: 0, length: end }] : [];
  const fill = entry.size - end;
  const cut: ByteChange[] =
    fill > 0
      ? [
          {
            kind: 'cut',
            offset: end,
            length: fill,
            detail: `${fill} bytes after the last record that hold none`,
          },
        ]
      : [];
  return {
    action: 'write',
    ...place,
    why: appendix.why,
    changes: [...cut, { kind: 'insert', offset: end, length: bytes.length, detail: appendix.detail }],
    content: [...head, { from: 'plan', bytes }],
  };
}

function created(database: Database, number: bigint, appendix: Appendix): RepairStep {
  const bytes = framed(new LogWriter({ number }), appendix);
  return {
    action: 'write',
    ...placeIn(walRoot(database), fileName('wal', number)),
    why: appendix.why,
    changes: [{ kind: 'create-file', offset: 0, length: bytes.length, detail: appendix.detail }],
    content: [{ from: 'plan', bytes }],
  };
}
