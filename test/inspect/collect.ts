import path from 'node:path';
import { type InspectKind, inspectBytes } from '../../src/inspect/inspect.js';
import type { Detail, Node, Root, Value } from '../../src/inspect/node.js';
import { wordsText } from '../../src/report/text/node-label.js';

/** A node with everything below it, copied: views of bytes do not outlive the generator. */
export interface Collected {
  name: string;
  offset?: number;
  length?: number;
  space?: string;
  /** Where its bytes stand in the file, where they do. */
  inFile?: { offset: number; length: number }[];
  value?: Value;
  text?: string;
  problems: string[];
  unsupported?: string;
  gap: boolean;
  children: Collected[];
}

export async function collect(node: Node | Root): Promise<Collected> {
  const { name, at, value, text, problems = [], unsupported, gap = false } = node;
  const children: Collected[] = [];
  for await (const child of node.children?.() ?? []) children.push(await collect(child));
  const inFile = at?.space.inFile(at.offset, at.length);
  return {
    name,
    ...(at && { offset: at.offset, length: at.length, space: at.space.kind }),
    ...(inFile && { inFile }),
    ...(value !== undefined && { value: value instanceof Uint8Array ? value.slice() : value }),
    ...(text !== undefined && { text: wordsText(text, { full: true, places: false }) }),
    problems: [...problems],
    ...(unsupported && { unsupported }),
    gap,
    children,
  };
}

const kinds: [RegExp, InspectKind][] = [
  [/\.log$/, 'wal'],
  [/\.(sst|ldb)$/, 'table'],
  [/MANIFEST-\d+$/, 'manifest'],
  [/\.blob$/, 'blob'],
  [/OPTIONS-\d+$/, 'options'],
  [/(^|\/)meta\/\d+$/, 'backup'],
  [/CURRENT$/, 'current'],
];

/** What a fixture's file is; undefined for those that inspect has nothing to say of. */
export function kindOf(file: string): InspectKind | undefined {
  return kinds.find(([match]) => match.test(file))?.[1];
}

export async function tree(file: string, bytes: Uint8Array, detail: Detail = {}): Promise<Collected> {
  const { root } = await inspectBytes(bytes, kindOf(file)!, detail, path.basename(file));
  return collect(root);
}

export function child(node: Collected | undefined, name: string): Collected | undefined {
  return node?.children.find((each) => each.name === name);
}

/** Every node of a tree, parents first. */
export function* every(node: Collected): Generator<Collected> {
  yield node;
  for (const below of node.children) yield* every(below);
}
