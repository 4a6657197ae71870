import { LogWriter } from '../../src/encode/log/writer.js';
import { LogParser } from '../../src/format/log/parser.js';
import { readLog } from '../../src/format/log/read.js';
import { openSource } from '../../src/io/source.js';

/** The batches of a log, in order. */
export async function batchesOf(log: Uint8Array): Promise<Uint8Array[]> {
  const parser = new LogParser(await openSource({ kind: 'memory', bytes: log }));
  const batches: Uint8Array[] = [];
  await readLog(parser, {
    record({ bytes, start, end }) {
      batches.push(bytes.slice(start, end));
      return undefined;
    },
  });
  return batches;
}

/** The same batches in several logs, as if the memtable had been switched between them. */
export async function rotated(log: Uint8Array, logs: number): Promise<Uint8Array[]> {
  const batches = await batchesOf(log);
  const each = Math.ceil(batches.length / logs);
  return Array.from({ length: logs }, (_, i) => {
    const writer = new LogWriter();
    return Buffer.concat(batches.slice(i * each, (i + 1) * each).map((batch) => writer.record(batch)));
  });
}
