import type { ByteSource } from '../bytes/source.js';
import { holdsByte, type Node, type NodePlace, type Root } from './node.js';

/** A byte of a file, or, with `inner`, a byte of what is stored compressed there. */
export interface Address {
  offset: number;
  inner?: number;
}

/** Bytes shown around an address. */
const BEFORE = 32;
const AFTER = 64;
const EMPTY = new Uint8Array(0);

/**
 * Finds the innermost node that holds the address, and calls `found` with the tree cut down to the way there, while the
 * bytes of its nodes are still valid. False when nothing holds it. `detail.near` of the inspection should be the offset.
 */
export async function landAt(
  root: Root,
  address: Address,
  source: ByteSource,
  found: (way: Root) => Promise<void>,
): Promise<boolean> {
  if (root.at === undefined) return false;
  const nothing: Node = { name: 'gap', gap: true, at: root.at, text: 'nothing that is known', bytes: EMPTY };
  const bare = await aroundAddress(nothing, address, source);
  for await (const child of root.children()) {
    if (!isOn(child, address)) continue;
    const way = deepest(child, address);
    if (address.inner !== undefined && !way.some(({ at }) => at?.space.kind === 'contents')) continue;
    const last = await aroundAddress(way.at(-1)!, address, source);
    let pruned = last;
    for (const node of way.slice(0, -1).reverse()) {
      const only = pruned;
      const { transparent: _, encoding: __, ...shown } = node;
      pruned = { ...shown, children: () => [only] };
    }
    await found({ ...root, children: () => [pruned] });
    return true;
  }
  if (address.inner !== undefined) return false;
  await found({ ...root, children: () => [bare] });
  return true;
}

/** The node holds the address, or leads to it. */
function isOn(node: Node, { offset, inner }: Address): boolean {
  const { at } = node;
  if (at === undefined) return false;
  const { space } = at;
  if (space.kind !== 'contents') return holdsFileOffset(at, offset);
  const { origin } = space;
  if (inner === undefined || offset < origin.offset || offset >= origin.offset + origin.length) return false;
  return holdsByte(node, space, inner);
}

function holdsFileOffset(at: NodePlace, offset: number): boolean {
  const ranges = at.space.inFile(at.offset, at.length) ?? [];
  return ranges.some((range) => offset >= range.offset && offset < range.offset + range.length);
}

/** The longest way down from a node over nodes that hold the address; the later one where two are as long. */
function deepest(node: Node, address: Address): Node[] {
  let best: Node[] = [];
  for (const child of node.children?.() ?? []) {
    if (!isOn(child, address)) continue;
    const way = deepest(child, address);
    const inside = (nodes: Node[]) => nodes.some(({ at }) => at?.space.kind === 'contents');
    const better =
      address.inner !== undefined && inside(best) && !inside(way) ? false : way.length >= best.length;
    if (better || (address.inner !== undefined && inside(way) && !inside(best))) best = way;
  }
  return [node, ...best];
}

/** A long leaf with only the bytes around the address. */
async function aroundAddress(node: Node, address: Address, source: ByteSource): Promise<Node> {
  const { at, bytes } = node;
  if (at === undefined || bytes === undefined || node.children !== undefined) return node;
  if (at.length <= BEFORE + AFTER && bytes.length === at.length) return node;
  const position = positionIn(at, address);
  const from = Math.max(0, position - BEFORE);
  const to = Math.min(at.length, position + AFTER);
  if (to <= bytes.length) return { ...node, bytes: bytes.subarray(from, to), bytesFrom: from };
  if (at.space.kind !== 'file') return node;
  const window = new Uint8Array(to - from);
  const got = await source.read(window, at.offset + from);
  return { ...node, bytes: window.subarray(0, got), bytesFrom: from };
}

/** Which byte of the place the address is. */
function positionIn(at: NodePlace, { offset, inner }: Address): number {
  if (at.space.kind === 'contents') return (inner ?? 0) - at.offset;
  let before = 0;
  for (const range of at.space.inFile(at.offset, at.length) ?? []) {
    if (offset >= range.offset && offset < range.offset + range.length) return before + offset - range.offset;
    before += range.length;
  }
  return 0;
}
