import type { ByteSource } from '../bytes/source.js';
import { LogEvent, LogParser } from '../format/log/parser.js';
import { type Detail, fileSpace, more, type Node } from './node.js';
import { RangeReader } from './read-at.js';
import { logBegin } from './seek-log.js';
import { between, damageNode, endOfLog } from './wal-damage.js';
import { fragmentsOf, type KnownOfLog, metadataNode, recordNode } from './wal-records.js';

interface WalInspection {
  source: ByteSource;
  /** From the file's name; recyclable records carry it. */
  number?: bigint;
  detail: Detail;
}

/**
 * A write-ahead log: its records front to back, gaps and damage between them. Each is made when it is asked for; nothing of
 * the rest of the file has been read then.
 */
export async function* walNodes({ source, number, detail }: WalInspection): AsyncGenerator<Node> {
  const { dialect = 'rocksdb' } = detail;
  const ranges = new RangeReader(source, dialect);
  const space = fileSpace(source.size);
  const begin =
    detail.near === undefined ? { from: 0, compressed: false } : await logBegin(ranges, detail.near);
  const parser = new LogParser(source, { dialect, number, ...begin });
  const state: KnownOfLog = {};
  let position = begin.from;
  let taken = 0;
  for (;;) {
    const event = await parser.next();
    if (event === LogEvent.end) {
      const log = { dialect, style: parser.style, compressed: parser.compressed, ...state };
      const logNumber = Number(BigInt.asUintN(32, number ?? 0n));
      yield* endOfLog(ranges, space, position, parser.tail!, { ...log, logNumber });
      return;
    }
    if (taken++ === detail.limit) {
      yield more(detail.limit);
      return;
    }
    if (event === LogEvent.damage) {
      const damage = parser.damage!;
      yield* between(ranges, space, position, damage.offset);
      yield await damageNode(ranges, space, damage);
      position = Math.max(position, damage.offset + damage.length);
      continue;
    }
    const { record } = parser;
    const fragments = await fragmentsOf(ranges, record, parser.style === 'recyclable');
    yield* between(ranges, space, position, record.offset);
    const about = { space, ranges, fragments, detail, state };
    if (event === LogEvent.record) yield await recordNode(record, about);
    else yield await metadataNode(parser.metadata!, record, about);
    position = record.endOffset;
  }
}
