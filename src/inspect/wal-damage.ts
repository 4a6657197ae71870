import { maskCrc } from '../bytes/crc32c.js';
import { hex32 } from '../bytes/hexdump.js';
import { damageFinding } from '../check/wal/damage.js';
import type { LogState } from '../check/wal/plausible.js';
import { judgeTail } from '../check/wal/tail.js';
import type { Damage, Tail } from '../format/log/damage.js';
import { checksumHolds, decodePhysicalHeader } from '../format/log/physical.js';
import { BLOCK_SIZE, RECYCLABLE_HEADER } from '../format/log/types.js';
import type { Node, Space } from './node.js';
import type { RangeReader } from './read-at.js';
import { fragmentNode, headerFields } from './wal-records.js';

/**
 * What stands between two things: zeros at the end of a block in which no header fits, and fragments that lost their record
 * to damage before or after them.
 */
export async function* between(
  ranges: RangeReader,
  space: Space,
  from: number,
  to: number,
): AsyncGenerator<Node> {
  let start = from;
  for (let at = from; at < to; ) {
    const left = Math.min(BLOCK_SIZE - (at % BLOCK_SIZE), to - at);
    const bytes = await ranges.bytes(at, left);
    const header = decodePhysicalHeader(bytes, 0, bytes.length, ranges.framing);
    const end = header === undefined ? 0 : header.headerSize + header.length;
    const whole = end > 0 && end <= bytes.length && header?.kind !== 'zero' && checksumHolds(bytes, 0, end);
    if (whole) {
      if (at > start) yield await gapNode(ranges, space, start, at);
      const fragment = { header: at, payload: at + header!.headerSize, length: header!.length };
      const node = await fragmentNode(fragment, { space, ranges }, true);
      yield { ...node, name: 'lost fragment' };
      start = at + end;
    }
    at += whole ? end : left;
  }
  if (start < to) yield await gapNode(ranges, space, start, to);
}

function gapNode(ranges: RangeReader, space: Space, from: number, to: number): Promise<Node> {
  const endsBlock = to % BLOCK_SIZE === 0 && to - from < RECYCLABLE_HEADER;
  return ranges.gap(space, from, to - from, endsBlock ? 'end of the block' : '');
}

export async function damageNode(ranges: RangeReader, space: Space, damage: Damage): Promise<Node> {
  const { offset, length, header } = damage;
  const size = Math.min(header?.headerSize ?? 0, length);
  const fields =
    size === 0
      ? []
      : headerFields(
          await ranges.bytes(offset, size),
          ranges.framing,
          space,
          offset,
          damage.reason === 'trailer',
        );
  if (damage.computedCrc !== undefined && fields.length > 0 && damage.reason === 'checksum') {
    const stored = fields[0];
    fields[0] = { ...stored, problems: [`computed ${hex32(maskCrc(damage.computedCrc))}`] };
  }
  const rest = length > size ? [await ranges.raw('bytes', space, offset + size, length - size)] : [];
  return {
    name: damage.reason === 'zeros' || damage.reason === 'trailer' ? 'gap' : 'damaged record',
    ...(damage.reason === 'zeros' && { gap: true as const }),
    at: { space, offset, length },
    problems: [(await damageFinding(ranges.source, '', damage)).message],
    children: () => [...fields, ...rest],
  };
}

/** What is after the last whole record. */
export async function* endOfLog(
  ranges: RangeReader,
  space: Space,
  position: number,
  tail: Tail,
  log: LogState,
): AsyncGenerator<Node> {
  const { offset, length, damage } = tail;
  yield* between(ranges, space, position, offset);
  if (length === 0 || tail.kind === 'clean') return;
  const { tail: verdict, finding } = await judgeTail(ranges.source, '', tail, log);
  const remains = verdict === 'zero-fill' || verdict === 'recycled';
  const size = remains ? 0 : Math.min(damage?.header?.headerSize ?? 0, length);
  const fields =
    size === 0 ? [] : headerFields(await ranges.bytes(offset, size), ranges.framing, space, offset, false);
  const raw = length > size ? [await ranges.raw('bytes', space, offset + size, length - size)] : [];
  const message = finding?.message ?? '';
  yield {
    name: remains ? 'gap' : 'damaged record',
    at: { space, offset, length },
    ...(finding?.severity === 'note' ? { text: message } : { problems: [message] }),
    ...(remains && { gap: true as const }),
    children: () => [...fields, ...raw],
  };
}
