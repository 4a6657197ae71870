import { WalWriter } from '../../src/encode/log/writer.js';
import { WalEvent, WalParser } from '../../src/format/log/parser.js';
import { openSource } from '../../src/io/source.js';

/** The batches of a log, in order. */
export async function batchesOf(log: Uint8Array): Promise<Uint8Array[]> {
  const parser = new WalParser(await openSource({ kind: 'memory', bytes: log }));
  const batches: Uint8Array[] = [];
  for (let event = parser.step(); event !== WalEvent.end; event = parser.step()) {
    if (event === WalEvent.more) await parser.load();
    if (event === WalEvent.record)
      batches.push(parser.record.bytes.slice(parser.record.start, parser.record.end));
  }
  return batches;
}

/** The same batches in several logs, as if the memtable had been switched between them. */
export async function rotated(log: Uint8Array, logs: number): Promise<Uint8Array[]> {
  const batches = await batchesOf(log);
  const each = Math.ceil(batches.length / logs);
  return Array.from({ length: logs }, (_, i) => {
    const writer = new WalWriter();
    return Buffer.concat(batches.slice(i * each, (i + 1) * each).map((batch) => writer.record(batch)));
  });
}
