import { expect, it } from 'vitest';
import { jsonPieces } from '../../src/export/json-pieces.js';
import { keyBytes } from '../../src/finding/evidence.js';

/** Bytes of one piece. */
const PIECE = 3 << 18;

const filled = (length: number, text: string) => Buffer.alloc(length, text);

it.each([
  ['nothing', Buffer.alloc(0)],
  ['text', filled(2 * PIECE + 5, 'a"\\b')],
  ['characters that two pieces share', Buffer.concat([filled(PIECE - 1, 'a'), filled(PIECE, '€😀')])],
  ['a character that is cut at the end', Buffer.concat([filled(PIECE, 'a'), Buffer.from([0xe2, 0x82])])],
  ['bytes that are no text, at the end', Buffer.concat([filled(2 * PIECE, 'a'), Buffer.from([0xff])])],
  ['control characters', filled(PIECE + 1, 'a\n')],
  ['a byte order mark', Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), filled(PIECE, 'a')])],
])('%s come out as JSON.stringify has them', (_, bytes) => {
  // as a value of a file ends anywhere
  const value = bytes.subarray(0, bytes.length);
  const line = (shown: unknown) => ({ key: 'k', none: [], empty: {}, list: [1, shown, null], value: shown });
  expect([...jsonPieces(line(value))].join('')).toBe(JSON.stringify(line(keyBytes(value))));
});
