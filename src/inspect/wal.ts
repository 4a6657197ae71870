import type { ByteSource } from '../bytes/source.js';
import { loadCodecs } from '../codec/block.js';
import type { Damage, Tail } from '../format/log/damage.js';
import { LogEvent, LogParser } from '../format/log/parser.js';
import { type Detail, fileSpace, more, type Node } from './node.js';
import { Reach } from './reach.js';
import { logBegin, OffsetSource } from './seek-log.js';
import { between, damageNode, endOfLog } from './wal-damage.js';
import { fragmentsOf, metadataNode, recordNode, type Said } from './wal-records.js';

export interface WalInspection {
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
  await loadCodecs();
  const { dialect = 'rocksdb' } = detail;
  const reach = new Reach(source, dialect);
  const space = fileSpace(source.size);
  const begin =
    detail.near === undefined ? { offset: 0, compressed: false } : await logBegin(reach, detail.near);
  const parser = new LogParser(new OffsetSource(source, begin.offset), { dialect, number });
  const shift = begin.offset;
  parser.compressed = begin.compressed;
  const state: Said = {};
  let position = shift;
  let taken = 0;
  await parser.load();
  for (;;) {
    const event = parser.step();
    if (event === LogEvent.more) {
      await parser.load();
      continue;
    }
    if (event === LogEvent.end) {
      const log = { dialect, style: parser.style, compressed: parser.compressed, ...state };
      const logNumber = Number(BigInt.asUintN(32, number ?? 0n));
      yield* endOfLog(reach, space, position, shiftedTail(parser.tail!, shift), { ...log, logNumber });
      return;
    }
    if (taken++ === detail.limit) {
      yield more(detail.limit);
      return;
    }
    if (event === LogEvent.damage) {
      const damage = shifted(parser.damage!, shift);
      yield* between(reach, space, position, damage.offset);
      yield await damageNode(reach, space, damage);
      position = Math.max(position, damage.offset + damage.length);
      continue;
    }
    const { record } = parser;
    const fragments = await fragmentsOf(reach, record, parser.style === 'recyclable', shift);
    const offset = record.offset + shift;
    const end = record.endOffset + shift;
    yield* between(reach, space, position, offset);
    const about = { space, reach, fragments, detail, state };
    if (event === LogEvent.record) yield await recordNode(record, offset, end, about);
    else yield await metadataNode(parser, record, about);
    position = end;
  }
}

function shifted(damage: Damage, shift: number): Damage {
  const { recordOffset } = damage;
  return {
    ...damage,
    offset: damage.offset + shift,
    ...(recordOffset !== undefined && { recordOffset: recordOffset + shift }),
  };
}

function shiftedTail(tail: Tail, shift: number): Tail {
  const { damage, oldRecord } = tail;
  return {
    ...tail,
    offset: tail.offset + shift,
    ...(damage && { damage: shifted(damage, shift) }),
    ...(oldRecord && { oldRecord: { ...oldRecord, offset: oldRecord.offset + shift } }),
  };
}
