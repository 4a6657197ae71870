import { maskCrc } from '../../bytes/crc32c.js';
import type { ByteSource } from '../../bytes/source.js';
import { setBatchHeader } from '../../encode/batch/encode.js';
import { type Database, filesOf, liveWals } from '../../engine/database.js';
import { lengthAt, physicalCrc } from '../../format/log/physical.js';
import { LEGACY_HEADER, pebbleWal, SYNC_HEADER } from '../../format/log/types.js';
import { fileState } from '../content.js';
import { emptyPlan } from '../empty-plan.js';
import { placeIn } from '../place.js';
import type { RepairPlan, RepairStep, Segment } from '../plan.js';
import { truedSequences } from './true-sequences.js';

/** Bytes of a batch that hold its sequence. */
const SEQUENCE = 8;

/**
 * Plans the sequences of batches of Pebble's logs that are wrong under a checksum which holds, where the batches before and after one
 * leave a single place for it. The engine opens over one that is too high, and shows its writes before those that came after it.
 * `undefined`: there are none.
 */
export async function planTruedSequences(database: Database): Promise<RepairPlan | undefined> {
  const { target, engineVersion } = database;
  const steps: RepairStep[] = [];
  for (const { source: place, file, root, number = 0n, size } of liveWals(database)) {
    const source = await filesOf(database).open(place);
    try {
      const trued = await truedSequences(source, { dialect: 'pebble', number, expected: undefined });
      const content: Segment[] = [];
      const changes: RepairStep['changes'] = [];
      let end = 0;
      for (const [offset, sequence] of trued) {
        const bytes = await renumbered(source, offset, sequence);
        if (bytes === undefined) continue;
        content.push({ from: 'file', ...placeIn(root, file), offset: end, length: offset - end });
        content.push({ from: 'plan', bytes });
        end = offset + bytes.length;
        const detail = `the record at ${offset} gets the sequence ${sequence}, which those before and after it leave for it`;
        changes.push({ kind: 'rewrite', offset, length: bytes.length, detail });
      }
      if (content.length === 0) continue;
      content.push({ from: 'file', ...placeIn(root, file), offset: end, length: size - end });
      const why = 'sequences follow each other without a gap, and a batch here does not';
      steps.push({ action: 'write', ...placeIn(root, file), why, changes, content });
    } finally {
      await source.close();
    }
  }
  if (steps.length === 0) return undefined;
  return {
    ...emptyPlan({ target, engineVersion }, 'metadata'),
    inputs: await Promise.all(steps.map(({ path, root }) => fileState(target, placeIn(root, path)))),
    steps,
  };
}

/** The first chunk of a record, with the sequence of its batch in place of the one that it has. */
async function renumbered(
  source: ByteSource,
  offset: number,
  sequence: bigint,
): Promise<Uint8Array | undefined> {
  const header = new Uint8Array(SYNC_HEADER);
  if ((await source.read(header, offset)) < LEGACY_HEADER) return undefined;
  const size = pebbleWal.headerSizes[header[LEGACY_HEADER - 1]];
  const length = lengthAt(header, 0);
  if (size === undefined || length < SEQUENCE) return undefined;
  const chunk = new Uint8Array(size + length);
  if ((await source.read(chunk, offset)) < chunk.length) return undefined;
  setBatchHeader(chunk.subarray(size), { sequence });
  const crc = maskCrc(physicalCrc(chunk, 0, chunk.length));
  new DataView(chunk.buffer).setUint32(0, crc, true);
  return chunk;
}
