// RESP, the protocol of Redis (redis.io "Redis serialization protocol specification"):
//
//   +text CRLF   -error CRLF   :integer CRLF   $length CRLF bytes CRLF   *count CRLF elements      ($-1, *-1: nil)
//
// and with version 3
//
//   _ CRLF null   #t #f   ,double   (bignum   !length error   =length xxx:text   %count map, two elements each   ~count set
//   |count attribute, two elements each, before the value that it belongs to   >count push, between replies
//
// A count or length that the bytes do not bear out is the usual damage: nothing is allocated by what they say.

/** What a value is, by its first byte. */
const types = {
  '+': 'simple string',
  '-': 'error',
  ':': 'integer',
  $: 'bulk string',
  '*': 'array',
  _: 'null',
  '#': 'boolean',
  ',': 'double',
  '(': 'big number',
  '!': 'bulk error',
  '=': 'verbatim string',
  '%': 'map',
  '~': 'set',
  '|': 'attribute',
  '>': 'push',
} as const;

type TypeByte = keyof typeof types;

/** A value in a stream. */
export interface RespValue {
  type: TypeByte;
  /** Byte offset in the stream, of the value and after it. */
  offset: number;
  end: number;
  /** The bytes of a string, an error or a number; absent for nil and for what has elements. */
  bytes?: Uint8Array;
  /** Elements of an array, set or push, keys and values of a map in turn. */
  items?: RespValue[];
  /** `$-1`, `*-1` or `_`. */
  nil?: true;
}

/** Why the bytes at an offset are no value. */
export interface RespProblem {
  kind: 'unknown-type' | 'bad-line' | 'bad-length' | 'missing-line-end' | 'truncated' | 'too-deep';
  offset: number;
  length: number;
  message: string;
}

const CR = 0x0d;
const LF = 0x0a;
/** Values inside values; Redis itself replies with three or four. */
const DEEPEST = 64;
/** Bytes of a line: numbers and errors. Redis takes 64 KiB. */
const LONGEST_LINE = 1 << 16;

const lineText: Partial<Record<TypeByte, RegExp>> = {
  ':': /^[+-]?\d{1,19}$/,
  _: /^$/,
  '#': /^[tf]$/,
  ',': /^([+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?|[+-]?inf|-?nan)$/,
  '(': /^[+-]?\d+$/,
};

const decoder = new TextDecoder('utf-8');
const ascii = (bytes: Uint8Array) => decoder.decode(bytes);

/** Parses values from a stream that is in memory. Never throws on input. */
export class RespParser {
  constructor(private readonly bytes: Uint8Array) {}

  /** The value at an offset, or why there is none. */
  value(offset: number, depth = 0): RespValue | RespProblem {
    const { bytes } = this;
    if (offset >= bytes.length) return truncated(offset, bytes.length, 'a value');
    const type = String.fromCharCode(bytes[offset]);
    if (!isType(type)) {
      const shown = `0x${bytes[offset].toString(16).padStart(2, '0')}`;
      return { kind: 'unknown-type', offset, length: 1, message: `no value begins with byte ${shown}` };
    }
    if (depth > DEEPEST)
      return { kind: 'too-deep', offset, length: 1, message: `values in values, ${DEEPEST} deep` };
    const line = this.line(offset + 1);
    if ('kind' in line) return line;
    switch (type) {
      case '$':
      case '!':
      case '=':
        return this.bulk(type, offset, line);
      case '*':
      case '~':
      case '>':
      case '%':
      case '|':
        return this.aggregate(type, offset, line, depth);
      default:
        return lineText[type]?.test(ascii(line.text)) === false
          ? badLine(type, offset, line)
          : { type, offset, end: line.end, ...(type === '_' ? { nil: true } : { bytes: line.text }) };
    }
  }

  /** Where a value may begin again after damage: after the next line end that a type byte follows. */
  resync(offset: number): number {
    const { bytes } = this;
    for (let at = bytes.indexOf(LF, offset); at >= 0; at = bytes.indexOf(LF, at + 1)) {
      if (bytes[at - 1] !== CR) continue;
      if (at + 1 < bytes.length && isType(String.fromCharCode(bytes[at + 1]))) return at + 1;
    }
    return bytes.length;
  }

  private line(offset: number): Line | RespProblem {
    const { bytes } = this;
    const limit = Math.min(bytes.length, offset + LONGEST_LINE);
    const end = bytes.subarray(0, limit).indexOf(CR, offset);
    if (end < 0 || end + 1 >= bytes.length) {
      if (limit === bytes.length) return truncated(offset - 1, bytes.length, 'a line');
      return { kind: 'missing-line-end', offset, length: LONGEST_LINE, message: 'a line without an end' };
    }
    if (bytes[end + 1] !== LF)
      return { kind: 'missing-line-end', offset: end, length: 2, message: 'a line does not end with CR LF' };
    return { text: bytes.subarray(offset, end), end: end + 2 };
  }

  private bulk(type: TypeByte, offset: number, line: Line): RespValue | RespProblem {
    const { bytes } = this;
    const length = lengthOf(line);
    if (length === undefined || (length < 0 && type !== '$')) return badLength(type, offset, line);
    if (length < 0) return { type, offset, end: line.end, nil: true };
    const end = line.end + length;
    if (end + 2 > bytes.length) return truncated(offset, bytes.length, `${length} bytes of a ${types[type]}`);
    if (bytes[end] !== CR || bytes[end + 1] !== LF) {
      const message = `a ${types[type]} of ${length} bytes does not end with CR LF`;
      return { kind: 'missing-line-end', offset: end, length: 2, message };
    }
    return { type, offset, end: end + 2, bytes: bytes.subarray(line.end, end) };
  }

  private aggregate(type: TypeByte, offset: number, line: Line, depth: number): RespValue | RespProblem {
    const count = lengthOf(line);
    if (count === undefined || (count < 0 && type !== '*')) return badLength(type, offset, line);
    if (count < 0) return { type, offset, end: line.end, nil: true };
    const wanted = type === '%' || type === '|' ? 2 * count : count;
    const items: RespValue[] = [];
    let end = line.end;
    while (items.length < wanted) {
      const item = this.value(end, depth + 1);
      if ('kind' in item) {
        if (item.kind !== 'truncated') return item;
        const message = `${types[type]} of ${wanted} elements, the stream ends in number ${items.length + 1}`;
        return { ...item, offset, length: this.bytes.length - offset, message };
      }
      end = item.end;
      if (item.type !== '|') items.push(item);
    }
    return { type, offset, end, items };
  }
}

interface Line {
  text: Uint8Array;
  /** After CR LF. */
  end: number;
}

function isType(byte: string): byte is TypeByte {
  return Object.hasOwn(types, byte);
}

function lengthOf({ text }: Line): number | undefined {
  const number = ascii(text);
  return /^(-1|\d{1,10})$/.test(number) ? Number(number) : undefined;
}

function badLength(type: TypeByte, offset: number, { end }: Line): RespProblem {
  return {
    kind: 'bad-length',
    offset,
    length: end - offset,
    message: `the length of a ${types[type]} is no length`,
  };
}

function badLine(type: TypeByte, offset: number, { end }: Line): RespProblem {
  return { kind: 'bad-line', offset, length: end - offset, message: `no ${types[type]} is written so` };
}

function truncated(offset: number, size: number, what: string): RespProblem {
  return { kind: 'truncated', offset, length: size - offset, message: `the stream ends inside ${what}` };
}
