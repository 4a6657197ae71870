import { encodePhysical, LogWriter, storedFrame } from '../../../src/encode/log/writer.js';
import type { Damage, Tail } from '../../../src/format/log/damage.js';
import { LogParser, type LogParserOptions } from '../../../src/format/log/parser.js';
import { readLog } from '../../../src/format/log/read.js';
import { BLOCK_SIZE, RECYCLABLE_HEADER, RecordType } from '../../../src/format/log/types.js';
import { openSource } from '../../../src/io/source.js';

export const bytesOf = (hex: string) => new Uint8Array(Buffer.from(hex.replaceAll(/[\s|]/g, ''), 'hex'));

export interface Parsed {
  /** One line per event: `record 0+26`, `predecessor 0+31`, `checksum 26+19`, `end torn-body 45+10`. */
  events: string[];
  records: Uint8Array[];
  damages: Damage[];
  tail: Tail;
  parser: LogParser;
}

/** Parses a whole log in memory. */
export async function parse(bytes: Uint8Array, options: LogParserOptions = {}): Promise<Parsed> {
  const source = await openSource({ kind: 'memory', bytes });
  const parser = new LogParser(source, options);
  const events: string[] = [];
  const records: Uint8Array[] = [];
  const damages: Damage[] = [];
  const { record } = parser;
  const tail = await readLog(parser, {
    record() {
      events.push(`record ${record.offset}+${record.endOffset - record.offset}`);
      if (record.decompressionError === undefined) records.push(record.bytes.slice(record.start, record.end));
      return undefined;
    },
    metadata({ kind }) {
      events.push(`${kind} ${record.offset}+${record.endOffset - record.offset}`);
      return undefined;
    },
    damage(damage) {
      events.push(`${damage.reason} ${damage.offset}+${damage.length}`);
      damages.push(damage);
      return undefined;
    },
  });
  const { kind, offset, length } = tail!;
  events.push(`end ${kind} ${offset}${length > 0 ? `+${length}` : ''}`);
  return { events, records, damages, tail: tail!, parser };
}

export function concat(...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

/**
 * A compressed, recycled log 12 of two records, of which the second is laid out as RocksDB 11.9 does when a compressed
 * chunk ends 8 bytes before the end of a block. `first` must end in the first block, `second` in the third.
 */
export function logWithGap(first: Uint8Array, second: Uint8Array) {
  const writer = new LogWriter({ number: 12n, recyclable: true });
  const before = concat(writer.compression(), writer.record(first));
  const frame = storedFrame(second);
  const one = BLOCK_SIZE - before.length - RECYCLABLE_HEADER;
  const two = one + BLOCK_SIZE - RECYCLABLE_HEADER - 8;
  const bytes = concat(
    before,
    encodePhysical(RecordType.recyclableFirst, frame.subarray(0, one), 12),
    encodePhysical(RecordType.recyclableMiddle, frame.subarray(one, two), 12),
    new Uint8Array(8),
    encodePhysical(RecordType.recyclableLast, frame.subarray(two), 12),
  );
  return { bytes, start: before.length, gap: 2 * BLOCK_SIZE - 8 };
}
