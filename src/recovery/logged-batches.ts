import type { Database } from '../engine/database.js';
import { BATCH_HEADER } from '../format/batch/tags.js';
import { openListed } from '../io/source.js';
import { replayBehaviour } from './behaviour.js';
import { LogReader } from './log-reader.js';
import { tooLarge } from './wal-replay.js';

/** A batch in a WAL. */
export interface LoggedBatch {
  sequence: bigint;
  /** Operations, as its header says. */
  count: number;
  /** All of it, with its header. */
  bytes: Uint8Array;
  file: string;
  /** Of the log. */
  number: bigint;
  /** Byte offset of its record in the file. */
  offset: number;
}

/** Batches of all WALs in their order. One at a time is held; damaged records are stepped over. Rejects with `BeyondLimit` at a record that is too large. */
export async function* loggedBatches(database: Database): AsyncGenerator<LoggedBatch> {
  const wals = database.inventory.entries
    .filter(
      ({ kind, place, number, suffix }) =>
        kind === 'wal' && number !== undefined && place !== 'lost' && !suffix,
    )
    .sort((x, y) => (x.number! < y.number! ? -1 : 1));
  for (const { file, number, source, size } of wals) {
    const opened = await openListed({ source, size });
    try {
      const reader = new LogReader(opened, {
        mode: 'skip-any-corrupted',
        behaviour: replayBehaviour(database.engineVersion),
        number: number!,
        onReport() {},
      });
      for (;;) {
        const record = await reader.read();
        if (record === 'too-large') throw tooLarge(file);
        if (typeof record === 'string') break;
        if (record.bytes.length < BATCH_HEADER) continue;
        const bytes = new Uint8Array(record.bytes);
        const view = new DataView(bytes.buffer);
        const count = view.getUint32(8, true);
        const sequence = view.getBigUint64(0, true);
        yield { sequence, count, bytes, file, number: number!, offset: record.offset };
      }
    } finally {
      await opened.close();
    }
  }
}
