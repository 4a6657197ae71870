import type { ByteSource } from '../bytes/source.js';
import type { Database } from '../engine/database.js';
import { BATCH_HEADER } from '../format/batch/tags.js';
import { byLog } from '../format/filename.js';
import { LogEvent, LogParser } from '../format/log/parser.js';
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
  const inSegments = database.dialect === 'pebble';
  const wals = database.inventory.entries
    .filter(
      ({ kind, place, number, suffix }) =>
        kind === 'wal' && number !== undefined && place !== 'lost' && (inSegments || !suffix),
    )
    .sort(byLog);
  let reached = { log: -1n, sequence: -1n };
  for (const { file, number, source, size } of wals) {
    if (reached.log !== number) reached = { log: number!, sequence: -1n };
    const opened = await openListed({ source, size });
    try {
      const records = inSegments ? parsed(opened, number!) : read(opened, file, number!, database);
      for await (const { bytes, offset } of records) {
        if (bytes.length < BATCH_HEADER) continue;
        const view = new DataView(bytes.buffer);
        const count = view.getUint32(8, true);
        const sequence = view.getBigUint64(0, true);
        // a segment begins with what the one before it may have, too
        if (inSegments && count > 0 && sequence <= reached.sequence) continue;
        if (count > 0) reached.sequence = sequence;
        yield { sequence, count, bytes, file, number: number!, offset };
      }
    } finally {
      await opened.close();
    }
  }
}

/** A record, in memory of its own. */
interface LoggedRecord {
  bytes: Uint8Array<ArrayBuffer>;
  offset: number;
}

/** Records as RocksDB's reader finds them. */
async function* read(
  source: ByteSource,
  file: string,
  number: bigint,
  { engineVersion }: Database,
): AsyncGenerator<LoggedRecord> {
  const behaviour = replayBehaviour(engineVersion);
  const reader = new LogReader(source, { mode: 'skip-any-corrupted', behaviour, number, onReport() {} });
  for (;;) {
    const record = await reader.read();
    if (record === 'too-large') throw tooLarge(file);
    if (typeof record === 'string') return;
    yield { bytes: new Uint8Array(record.bytes), offset: record.offset };
  }
}

/** Records of a log of Pebble, which has types of its own. */
async function* parsed(source: ByteSource, number: bigint): AsyncGenerator<LoggedRecord> {
  const parser = new LogParser(source, { dialect: 'pebble', number });
  for (let event = await parser.next(); event !== LogEvent.end; event = await parser.next()) {
    if (event !== LogEvent.record) continue;
    const { bytes, start, end, offset } = parser.record;
    yield { bytes: new Uint8Array(bytes.subarray(start, end)), offset };
  }
}
