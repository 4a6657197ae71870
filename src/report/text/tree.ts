import wrapAnsi from 'wrap-ansi';
import type { Node, Root } from '../../inspect/node.js';
import { printable } from '../printable.js';
import type { Palette } from '../reporter.js';
import { blankColumns, columnsOf, type HexLayout, hexLayout, hexRowsOf, ruler } from './annotated-hex.js';
import { isNarrow, textColumns } from './columns.js';
import { labelOf, type Piece } from './node-label.js';

export interface TreeSettings {
  /** Columns that a line may take. */
  width: number;
  palette: Palette;
  /** Bytes of the file, for the width of offsets. */
  size: number;
  /** Bytes beside the tree. Without them fields are left out that a line above them sums up. */
  hex: boolean;
  /** Cut nothing. */
  full: boolean;
  /** A byte to mark: at that offset of the file, or of a compressed block's content. */
  mark?: HexLayout['mark'];
  /** Called for each node on the way. */
  onNode?(node: Node): void;
}

/** Columns of the tree's own that are always left, however deep it goes. */
const NARROWEST = 24;

/**
 * A tree as text, in pieces, as it is walked: the line of the file first, then one piece or more for each thing in it. What
 * stands below such a thing is made and written without waiting.
 */
export async function* treeText(root: Root, settings: TreeSettings): AsyncGenerator<string> {
  const writer = settings.hex ? new HexWriter(settings) : new BriefWriter(settings);
  const { onNode } = settings;
  const container: Node = { ...root, children: () => [] };
  onNode?.(container);
  yield writer.lines(container, 0, undefined);
  for await (const child of root.children()) yield* gathered(walk(child, 1, writer, onNode, container));
}

/** Characters of a piece, about. */
const PIECE = 1 << 14;

function* gathered(lines: Iterable<string>): Generator<string> {
  let piece = '';
  for (const line of lines) {
    piece += line;
    if (piece.length < PIECE) continue;
    yield piece;
    piece = '';
  }
  if (piece !== '') yield piece;
}

interface Writer {
  /** The lines of a node; empty where it is left out. */
  lines(node: Node, depth: number, parent: Node | undefined): string;
  /** How much deeper its children stand; undefined: they are not shown. */
  below(node: Node): number | undefined;
}

function* walk(
  node: Node,
  depth: number,
  writer: Writer,
  onNode: TreeSettings['onNode'],
  parent: Node,
): Generator<string> {
  onNode?.(node);
  const text = writer.lines(node, depth, parent);
  if (text !== '') yield text;
  const below = writer.below(node);
  if (node.children === undefined || below === undefined) return;
  const inner = node.transparent && below === 0 ? parent : node;
  for (const child of node.children()) yield* walk(child, depth + below, writer, onNode, inner);
}

/** The file itself stands nowhere. */
function placed(node: Node, depth: number): Node {
  return depth > 0 ? node : { ...node, at: undefined };
}

/** Narrower than this, what does not fit on a line goes on on a second one. */
const ROOMY = 72;
/** Columns by which the second line stands in. */
const HANG = 4;

/** Pieces painted: one line, or two where a line is short, the last one cut at its end. */
function painted(pieces: readonly Piece[], palette: Palette, width: number): string[] {
  const whole = pieces.reduce((columns, { text }) => columns + textColumns(text), 0);
  if (whole <= width)
    return [pieces.map(({ text, paint }) => (paint ? palette[paint](text) : text)).join('')];
  const lines: string[] = [''];
  const most = width < ROOMY ? 2 : 1;
  let left = width;
  for (const { text, paint } of pieces) {
    const put = (part: string) => {
      lines[lines.length - 1] += paint === undefined || part === '' ? part : palette[paint](part);
    };
    let rest = text;
    while (textColumns(rest) > left && lines.length < most) {
      const fits = atSpace(cut(rest, left + 1).slice(0, -1));
      put(fits.trimEnd());
      rest = rest.slice(fits.length);
      lines.push(' '.repeat(HANG));
      left = width - HANG;
    }
    if (textColumns(rest) > left) {
      put(cut(rest, left));
      break;
    }
    put(rest);
    left -= textColumns(rest);
  }
  return lines;
}

/** A first line cut after its last space, where one stands near its end. */
function atSpace(line: string): string {
  const space = line.lastIndexOf(' ');
  return space > line.length - 16 && space > 0 ? line.slice(0, space + 1) : line;
}

/** The first columns of a text, the last of them an ellipsis. */
function cut(text: string, width: number): string {
  if (width <= 0) return '';
  if (isNarrow(text)) return `${text.slice(0, width - 1)}…`;
  let columns = 0;
  let end = 0;
  for (const character of text) {
    const more = textColumns(character);
    if (columns + more > width - 1) break;
    columns += more;
    end += character.length;
  }
  return `${text.slice(0, end)}…`;
}

function isBad({ problems, unsupported }: Node): boolean {
  return (problems !== undefined && problems.length > 0) || unsupported !== undefined;
}

/** The problems of a node, each on separate lines. */
function* problemLines(node: Node, palette: Palette, width: number): Generator<string> {
  const { problems = [], unsupported } = node;
  const line = function* (label: string, text: string, paint: (text: string) => string): Generator<string> {
    const wrapped = wrapAnsi(`${label}: ${printable(text)}`, Math.max(width, NARROWEST), { hard: true });
    for (const part of wrapped.split('\n')) yield paint(part);
  };
  for (const problem of problems) yield* line('error', problem, palette.error);
  if (unsupported !== undefined) yield* line('not decoded', unsupported, palette.warning);
}

class HexWriter implements Writer {
  private readonly layout: HexLayout;
  private readonly blank: string;
  private readonly columns: number;
  private started = false;

  constructor(private readonly settings: TreeSettings) {
    const { width, size, palette, full, mark } = settings;
    this.layout = { ...hexLayout(width, size), palette, full, ...(mark && { mark }) };
    this.blank = blankColumns(this.layout);
    this.columns = columnsOf(this.layout);
  }

  lines(node: Node, depth: number): string {
    const { settings, layout } = this;
    const { palette, full } = settings;
    const indent = '  '.repeat(depth);
    const room = full
      ? Number.POSITIVE_INFINITY
      : Math.max(NARROWEST, settings.width - this.columns) - indent.length;
    const label = painted(labelOf(placed(node, depth), { full, places: false }), palette, room);
    const rows = node.children === undefined ? hexRowsOf(node, layout) : [];
    const first = rows[0] ?? (this.started ? this.blank : ruler(layout));
    this.started = true;
    const lines = [`${first}${indent}${label[0]}`, ...rows.slice(1)];
    if (label.length > 1) lines[1] = `${lines[1] ?? this.blank}${indent}${label[1]}`;
    if (isBad(node))
      for (const problem of problemLines(node, palette, room)) lines.push(`${this.blank}${indent}${problem}`);
    return `${lines.join('\n')}\n`;
  }

  below(): number {
    return 1;
  }
}

/** Lines without bytes: what has an inside or something wrong, and what no line above it has summed up. */
class BriefWriter implements Writer {
  constructor(private readonly settings: TreeSettings) {}

  lines(node: Node, depth: number, parent: Node | undefined): string {
    const { palette, full, width } = this.settings;
    const summed = parent !== undefined && depth > 1 && parent.text !== undefined;
    const bad = isBad(node);
    const isField = node.children === undefined && node.at !== undefined && !node.gap;
    if (node.transparent && !bad) return '';
    if (summed && isField && !bad) return '';
    const indent = '  '.repeat(depth);
    const room = full ? Number.POSITIVE_INFINITY : Math.max(NARROWEST, width - indent.length);
    const label = painted(labelOf(placed(node, depth), { full, places: true }), palette, room);
    let text = '';
    for (const line of label) text += `${indent}${line}\n`;
    if (bad) for (const problem of problemLines(node, palette, room)) text += `${indent}${problem}\n`;
    return text;
  }

  below(node: Node): number | undefined {
    if (node.encoding) return undefined;
    return node.transparent ? 0 : 1;
  }
}
