import { keyBytes } from '../finding/evidence.js';
import type { Node, Root, Value, Words } from '../inspect/node.js';
import { nodeValueText, wordsText } from './text/node-label.js';

const whole = { full: true, places: false };

/**
 * A tree as JSON, in pieces, as it is walked: `{name, offset, length, value, text, problems, children: […]}`. Numbers of 64
 * bits are decimal strings, keys and values `{utf8?, base64}`. `about` comes first in the root's object.
 */
export async function* treeJson(
  root: Root,
  about: Record<string, unknown>,
  onNode?: (node: Node) => void,
): AsyncGenerator<string> {
  const container: Node = { ...root, children: () => [] };
  onNode?.(container);
  yield `${JSON.stringify({ ...about, ...fieldsOf(container) }).slice(0, -1)},"children":[`;
  let separator = '\n ';
  for await (const child of root.children()) {
    yield separator;
    yield* nodeJson(child, 1, onNode);
    separator = ',\n ';
  }
  yield ']}\n';
}

function valueJson(value: Value): unknown {
  if (value instanceof Uint8Array) return keyBytes(value);
  return typeof value === 'bigint' ? String(value) : value;
}

/** A sentence, with keys and values in it cut: they stand in full in the children. */
function textJson(text: Words): { text?: string } {
  const said = wordsText(text, { ...whole, full: false });
  return said === '' ? {} : { text: said };
}

function fieldsOf(node: Node): Record<string, unknown> {
  const { name, index, at, value, hexDigits, text, said, problems = [], unsupported, gap } = node;
  const { bytes, bytesFrom } = node;
  const ranges = at?.space.kind === 'record' ? at.space.inFile(at.offset, at.length) : undefined;
  const shown = value === undefined && node.children === undefined ? bytes : undefined;
  return {
    name,
    ...(index !== undefined && { index }),
    ...(at && { offset: at.offset, length: at.length }),
    ...(at && at.space.kind !== 'file' && { space: at.space.kind, origin: at.space.origin }),
    ...(ranges && { inFile: ranges }),
    ...(gap && { gap }),
    ...(value !== undefined && { value: valueJson(value) }),
    ...(value !== undefined && hexDigits !== undefined && { hex: nodeValueText(value, hexDigits, whole) }),
    ...(text !== undefined && textJson(text)),
    ...(said !== undefined && { application: said }),
    ...(shown && { bytes: Buffer.from(shown).toString('base64') }),
    ...(shown && bytesFrom && { bytesFrom }),
    ...(problems.length > 0 && { problems }),
    ...(unsupported !== undefined && { unsupported }),
  };
}

function* nodeJson(node: Node, depth: number, onNode?: (node: Node) => void): Generator<string> {
  onNode?.(node);
  const open = JSON.stringify(fieldsOf(node));
  if (node.children === undefined) {
    yield open;
    return;
  }
  const indent = `\n${' '.repeat(depth + 1)}`;
  yield `${open.slice(0, -1)},"children":[`;
  let separator = indent;
  for (const child of node.children()) {
    yield separator;
    yield* nodeJson(child, depth + 1, onNode);
    separator = `,${indent}`;
  }
  yield ']}';
}
