import { RespParser, type RespProblem, type RespValue } from './value.js';

/** A request of a client. */
export interface Request {
  /** Byte offset in the stream of requests, and after it. */
  offset: number;
  end: number;
  /** The command and its arguments. */
  words: Uint8Array[];
  /** The command in upper case. */
  name: string;
}

const decoder = new TextDecoder('utf-8');

/** All requests of a stream: arrays of bulk strings, or words on a line. What is neither is a problem, and skipped. */
export function requestsIn(bytes: Uint8Array): { requests: Request[]; problems: RespProblem[] } {
  const parser = new RespParser(bytes);
  const requests: Request[] = [];
  const problems: RespProblem[] = [];
  for (let at = 0; at < bytes.length; ) {
    const value = bytes[at] === 0x2a ? parser.value(at) : inline(bytes, at);
    if ('kind' in value) {
      problems.push(value);
      at = parser.resync(at + 1);
      continue;
    }
    const { items = [] } = value;
    if (!items.every(({ type, nil }) => type === '$' && nil === undefined)) {
      const message = 'a request holds something other than bulk strings';
      problems.push({ kind: 'bad-line', offset: at, length: value.end - at, message });
    } else if (items.length > 0) {
      const words = items.map(({ bytes: word }) => word!);
      requests.push({ offset: at, end: value.end, words, name: decoder.decode(words[0]).toUpperCase() });
    }
    at = value.end;
  }
  return { requests, problems };
}

function inline(bytes: Uint8Array, offset: number): RespValue | RespProblem {
  const newline = bytes.indexOf(0x0a, offset);
  const end = newline < 0 ? bytes.length : newline;
  const words = decoder.decode(bytes.subarray(offset, end)).trim().split(/\s+/).filter(Boolean);
  const wrong = words.length > 0 && !/^[A-Za-z.]+$/.test(words[0]);
  if (newline < 0 || wrong) {
    const message =
      newline < 0 ? 'the stream ends inside a request' : 'neither an array nor a command on a line';
    return { kind: newline < 0 ? 'truncated' : 'bad-line', offset, length: end - offset, message };
  }
  const items = words.map((word): RespValue => ({ type: '$', offset, end, bytes: Buffer.from(word) }));
  return { type: '*', offset, end: end + 1, items };
}

/** Replies one after the other. What comes unasked (push) and what belongs to the next (attribute) is not counted. */
export class Replies {
  private readonly parser: RespParser;

  constructor(readonly bytes: Uint8Array) {
    this.parser = new RespParser(bytes);
  }

  /** The first reply at or after an offset; `undefined` at the end. */
  at(offset: number): RespValue | RespProblem | undefined {
    for (let from = offset; from < this.bytes.length; ) {
      const value = this.parser.value(from);
      if ('kind' in value || (value.type !== '>' && value.type !== '|')) return value;
      from = value.end;
    }
    return undefined;
  }

  resync(offset: number): number {
    return this.parser.resync(offset);
  }
}

/** The text of a simple string, an error or a number. */
export function textOf({ bytes }: RespValue): string {
  return bytes === undefined ? '' : decoder.decode(bytes);
}
