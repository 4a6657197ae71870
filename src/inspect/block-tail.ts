import { type BlockTail, decodeBlockTail, restartOffset } from '../format/sst/block.js';
import { Fields } from './fields.js';
import type { Node, NodePlace } from './node.js';

const FLAGS: [mask: number, name: string][] = [
  [0x80000000, 'hash index'],
  [0x40000000, 'reserved'],
  [0x20000000, 'uniform keys'],
  [0x10000000, 'separated values'],
];

/** What stands after the entries of a block: restart points, a hash index, the last word. */
export function* tailNodes(bytes: Uint8Array, { space, offset: base }: NodePlace): Generator<Node> {
  const tail = decodeBlockTail(bytes);
  if (typeof tail === 'string') return;
  const { restartsOffset, restartCount, buckets, separated } = tail;
  yield {
    name: 'restart points',
    at: { space, offset: base + restartsOffset, length: 4 * restartCount },
    text: restartsText(bytes, tail),
    bytes: bytes.subarray(restartsOffset, restartsOffset + 4 * restartCount),
  };
  const from = restartsOffset + 4 * restartCount;
  const fields = new Fields(space, base, bytes, from);
  if (buckets !== undefined) {
    fields.raw('hash buckets', buckets.count);
    fields.u16('bucket count');
  }
  if (separated) fields.u32('values offset');
  fields.u32('restart count', (word) => {
    const flags = FLAGS.filter(([mask]) => (word & mask) !== 0).map(([, name]) => name);
    return { value: word & 0x0fffffff, ...(flags.length > 0 && { text: flags.join(', ') }) };
  });
  yield* fields.nodes;
}

/** `0, 412, 801 …`. */
function restartsText(bytes: Uint8Array, tail: BlockTail): string {
  const shown = Math.min(tail.restartCount, 8);
  const list = Array.from({ length: shown }, (_, i) => restartOffset(bytes, tail, i)).join(', ');
  return shown < tail.restartCount ? `${list} … (${tail.restartCount})` : list;
}
