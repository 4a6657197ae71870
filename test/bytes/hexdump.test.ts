import { describe, expect, test } from 'vitest';
import { asciiOf, type HexRow, hex32, hexRows, hexWindow } from '../../src/bytes/hexdump.js';

/** A row as a reporter might show it: marked bytes in brackets, places outside of the window as blanks. */
function shown({ offset, cells }: HexRow): string {
  const text = cells.map((cell) => {
    if (cell === undefined) return '  ';
    const hex = cell.byte.toString(16).padStart(2, '0');
    return cell.marked ? `[${hex}]` : hex;
  });
  return `${offset.toString(16).padStart(4, '0')} ${text.join(' ')}`.trimEnd();
}

const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
const dump = (marks: { offset: number; length: number }[], base = 0x1000, rows?: number) =>
  hexRows(hexWindow(bytes, { base, marks, rows })).map(shown);

describe('a window of bytes around damage', () => {
  test('begins a row before it and ends a row after it', () => {
    expect(dump([{ offset: 0x1022, length: 2 }])).toEqual([
      '1010 10 11 12 13 14 15 16 17 18 19 1a 1b 1c 1d 1e 1f',
      '1020 20 21 [22] [23] 24 25 26 27 28 29 2a 2b 2c 2d 2e 2f',
      '1030 30 31 32 33 34 35 36 37 38 39 3a 3b 3c 3d 3e 3f',
    ]);
  });

  test('keeps to the bytes at hand, and rows to multiples of 16 in the file', () => {
    expect(dump([{ offset: 0x1004, length: 1 }], 0x1003)[0]).toBe(
      '1000          00 [01] 02 03 04 05 06 07 08 09 0a 0b 0c',
    );
    expect(dump([{ offset: 0x10ff, length: 1 }])).toHaveLength(2);
  });

  test('is no longer than asked for, however long the damage is', () => {
    expect(dump([{ offset: 0x1000, length: 250 }])).toHaveLength(6);
    expect(dump([{ offset: 0x1000, length: 250 }], 0x1000, 2)).toHaveLength(2);
  });

  test('without a mark, begins with the bytes', () => {
    expect(dump([])[0]).toMatch(/^1000 00 01/);
  });

  test('that lies outside of the bytes is empty', () => {
    expect(dump([{ offset: 0x5000, length: 4 }])).toEqual([]);
  });
});

test('what is not printable is a dot', () => {
  expect([0x41, 0x20, 0x7e, 0x7f, 0x0a, 0xc3].map(asciiOf).join('')).toBe('A ~...');
});

test('32-bit numbers have eight digits and no sign', () => {
  expect([0, -1, 0xa1b2].map(hex32)).toEqual(['0x00000000', '0xffffffff', '0x0000a1b2']);
});
