import { expect, it } from 'vitest';
import { plainPalette } from '../../src/report/reporter.js';
import { hexLines } from '../../src/report/text/hexdump.js';

const lines = (start: number, length: number, marks: { offset: number; length: number }[]) => {
  const base64 = Buffer.from(Array.from({ length }, (_, i) => (start + i) & 0xff)).toString('base64');
  return hexLines({ start, base64, marks }, plainPalette);
};

it('marks whole rows and parts with brackets where the mark begins and ends', () => {
  expect(lines(0x40, 48, [{ offset: 0x4f, length: 18 }])).toEqual([
    '00040 | 40 41 42 43 44 45 46 47  48 49 4a 4b 4c 4d 4e[4f | @ABCDEFGHIJKLMNO',
    '00050 | 50 51 52 53 54 55 56 57  58 59 5a 5b 5c 5d 5e 5f | PQRSTUVWXYZ[\\]^_',
    '00060 | 60]61 62 63 64 65 66 67  68 69 6a 6b 6c 6d 6e 6f | `abcdefghijklmno',
  ]);
});

it('closes a mark that ends with its row at the row’s end', () => {
  expect(lines(0x40, 32, [{ offset: 0x40, length: 16 }])).toEqual([
    '00040 |[40 41 42 43 44 45 46 47  48 49 4a 4b 4c 4d 4e 4f]| @ABCDEFGHIJKLMNO',
    '00050 | 50 51 52 53 54 55 56 57  58 59 5a 5b 5c 5d 5e 5f | PQRSTUVWXYZ[\\]^_',
  ]);
});

it('keeps the gap in the middle of a row when a bracket stands in it', () => {
  expect(lines(0x40, 16, [{ offset: 0x48, length: 2 }])[0]).toBe(
    '00040 | 40 41 42 43 44 45 46 47 [48 49]4a 4b 4c 4d 4e 4f | @ABCDEFGHIJKLMNO',
  );
  expect(lines(0x40, 16, [{ offset: 0x46, length: 2 }])[0]).toBe(
    '00040 | 40 41 42 43 44 45[46 47] 48 49 4a 4b 4c 4d 4e 4f | @ABCDEFGHIJKLMNO',
  );
});

it('leaves blank what the window does not reach', () => {
  expect(lines(0x4e, 3, [])).toEqual([
    '00040 |                                            4e 4f |               NO',
    '00050 | 50                                               | P',
  ]);
});

it('widens the offsets of large files', () => {
  expect(lines(0x1_2345_6780, 1, [])[0]).toMatch(/^123456780 \| 80/);
});
