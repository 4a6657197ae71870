import type { Node, NodePlace, Value, Words } from '../../inspect/node.js';
import { printable, printableBytes } from '../printable.js';
import type { Palette } from '../reporter.js';

/** A piece of a line and how it is painted. */
export interface Piece {
  text: string;
  paint?: keyof Palette | undefined;
}

/** Bytes of a key or value that are shown where there is no room for all of them. */
const BYTES_SHOWN = 48;
/** Characters of a text value that are shown. */
const TEXT_SHOWN = 400;

interface LabelSettings {
  /** Leave nothing out. */
  full: boolean;
  /** Say where leaves stand too. */
  places: boolean;
}

function limitOf({ full }: LabelSettings): number {
  return full ? Number.POSITIVE_INFINITY : BYTES_SHOWN;
}

/** A value for a person: numbers plain or in hexadecimal, bytes quoted. */
export function nodeValueText(value: Value, hexDigits: number | undefined, settings: LabelSettings): string {
  if (value instanceof Uint8Array) return printableBytes(value, limitOf(settings));
  if (typeof value === 'string') {
    const text = printable(value);
    return settings.full || text.length <= TEXT_SHOWN ? text : `${text.slice(0, TEXT_SHOWN)}…`;
  }
  if (hexDigits !== undefined && typeof value !== 'boolean')
    return `0x${value.toString(16).padStart(hexDigits, '0')}`;
  return String(value);
}

/** A sentence with its keys and values quoted. */
export function wordsText(words: Words, settings: LabelSettings): string {
  if (typeof words === 'string') return printable(words);
  return words
    .map((word) => (typeof word === 'string' ? printable(word) : printableBytes(word, limitOf(settings))))
    .join('');
}

/** Beside an application's words there is to be room for the bytes. */
function elidedWords(said: string, { full }: LabelSettings): string {
  return full || said.length <= TEXT_SHOWN ? said : `${said.slice(0, TEXT_SHOWN)}…`;
}

/** `0x7a3a+412`; `+0x12+44` in a separate address space. */
function placeText({ space, offset, length }: NodePlace): string {
  if (space.kind === 'record') {
    const [first] = space.inFile(offset, length) ?? [];
    if (first !== undefined) return `0x${first.offset.toString(16)}+${length}`;
  }
  return `${space.kind === 'contents' ? '+' : ''}0x${offset.toString(16)}+${length}`;
}

/** What is said of a node on its line. Runs for every line of a large file. */
export function labelOf(node: Node, settings: LabelSettings): Piece[] {
  const { name, index, at, value, hexDigits, text, said, problems, gap, children } = node;
  const pieces: Piece[] = [];
  if (index !== undefined) pieces.push({ text: `[${index}] `, paint: 'dim' });
  const isBad = problems !== undefined && problems.length > 0;
  pieces.push({
    text: printable(name),
    paint: isBad ? 'error' : gap ? 'dim' : children === undefined ? undefined : 'strong',
  });
  const isPlaced = at !== undefined && (settings.places || children !== undefined);
  const place: Piece | undefined = isPlaced ? { text: ` ${placeText(at)}`, paint: 'dim' } : undefined;
  if (place !== undefined && children !== undefined) pieces.push(place);
  if (value !== undefined) pieces.push({ text: `: ${nodeValueText(value, hexDigits, settings)}` });
  if (said !== undefined) pieces.push({ text: `: ${elidedWords(printable(said), settings)}` });
  if (text !== undefined && text.length > 0) {
    const words = wordsText(text, settings);
    if (value !== undefined) pieces.push({ text: ` (${words})`, paint: 'dim' });
    else if (said !== undefined && words !== '') pieces.push({ text: ` · ${words}`, paint: 'dim' });
    else if (words !== '') pieces.push({ text: `: ${words}`, paint: gap ? 'dim' : undefined });
  }
  if (place !== undefined && children === undefined) pieces.push(place);
  return pieces;
}
