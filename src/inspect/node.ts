import type { Profile } from '../app/profile.js';
import type { Range } from '../finding/finding.js';
import type { DialectName } from '../format/dialect.js';

/**
 * Bytes that nodes have their places in: the file itself, a log record put together from fragments, the content of a
 * compressed block.
 */
export interface Space {
  kind: 'file' | 'record' | 'contents';
  /** The range of the file that it was made from. */
  origin: Range;
  /** Where a range of it stands in the file, byte for byte; undefined where it stands nowhere as it is. */
  inFile(offset: number, length: number): Range[] | undefined;
}

export interface NodePlace extends Range {
  space: Space;
}

/** What a field holds. Bytes are views that are valid until the generator that made the node goes on. */
export type Value = number | bigint | string | boolean | Uint8Array;

/** A sentence with keys and values in it, which are shown in full or cut as there is room. */
export type Words = string | readonly (string | Uint8Array)[];

/** A thing in a file: a field, a record, a block, a stretch that belongs to nothing. */
export interface Node {
  name: string;
  /** Position among its equals, where that says something: operations of a batch, entries of a block. */
  index?: number;
  /** Absent for what is derived and stands nowhere. */
  at?: NodePlace;
  value?: Value;
  /** Show a number in hexadecimal, in so many digits. */
  hexDigits?: number;
  /** What it means, or holds. */
  text?: Words;
  /** The same in the words of the application that wrote it. */
  said?: string;
  /** What is wrong with it. */
  problems?: readonly string[];
  /** What kvdoctor does not decode, and why. */
  unsupported?: string;
  /** Bytes that belong to nothing. */
  gap?: true;
  /** The bytes of a field, or some of them: those from `bytesFrom` on. */
  bytes?: Uint8Array;
  /** Default 0. */
  bytesFrom?: number;
  /** It groups its children and says nothing of its own. */
  transparent?: true;
  /** Its children are how it is encoded: `text` says all that they say. */
  encoding?: true;
  children?(): Iterable<Node>;
}

/** A file: what is in it is made while it is read. */
export interface Root extends Omit<Node, 'children'> {
  children(): Iterable<Node> | AsyncIterable<Node>;
}

/** What an application calls keys, values and batches. */
export type KeyNames = Pick<Profile, 'keyText' | 'valueText' | 'batchWords'>;

/** What of a file's structure is taken apart. */
export interface Detail {
  /** Logical records: batches into operations, version edits into fields. */
  records?: boolean;
  /** Entries of blocks. */
  entries?: boolean;
  /** The properties of a table, and nothing else of it unless entries are wanted too. */
  properties?: boolean;
  /** At most so many records, blocks, entries of each list. */
  limit?: number;
  /** Begin as near before this file offset as can be: only what stands there is wanted. */
  near?: number;
  /** Whose files they are. */
  dialect?: DialectName;
  /** The application that wrote it, where it is known. */
  keyNames?: KeyNames;
  /** Of a table: the column family that its keys are of. */
  columnFamily?: number;
}

export function fileSpace(size: number): Space {
  return {
    kind: 'file',
    origin: { offset: 0, length: size },
    inFile: (offset, length) => [{ offset, length }],
  };
}

/** The content of what is stored compressed at `origin`. */
export function contentsSpace(origin: Range): Space {
  return { kind: 'contents', origin, inFile: () => undefined };
}

/** A piece of a record: where its payload stands in the file. */
interface Piece {
  fileOffset: number;
  length: number;
}

/** A log record put together from pieces. */
export function recordSpace(origin: Range, pieces: readonly Piece[]): Space {
  return {
    kind: 'record',
    origin,
    inFile(offset, length) {
      const ranges: Range[] = [];
      let before = 0;
      for (const piece of pieces) {
        const from = Math.max(offset, before);
        const to = Math.min(offset + length, before + piece.length);
        if (from < to) ranges.push({ offset: piece.fileOffset + from - before, length: to - from });
        before += piece.length;
      }
      return ranges;
    },
  };
}

/** True when the node holds the byte at `offset` of `space`, directly or through a space whose bytes stand in it. */
export function holdsByte(node: Node, space: Space, offset: number): boolean {
  const { at } = node;
  if (at === undefined) return false;
  if (at.space === space) return offset >= at.offset && offset < at.offset + at.length;
  if (space.kind !== 'file') return false;
  const ranges = at.space.inFile(at.offset, at.length);
  return (ranges ?? []).some((range) => offset >= range.offset && offset < range.offset + range.length);
}

export function more(limit: number): Node {
  return { name: '…', text: `more than ${limit} (--limit)` };
}
