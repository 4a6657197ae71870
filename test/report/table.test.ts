import { stripVTControlCharacters } from 'node:util';
import { expect, test } from 'vitest';
import type { RenderSettings } from '../../src/report/reporter.js';
import { plainTable, rendered } from '../../src/report/text/table.js';

const red = (text: string) => `\x1b[31m${text}\x1b[39m`;
const settings = { palette: { dim: (text: string) => text } } as RenderSettings;

test('columns stand under their titles, whatever their cells are made of', () => {
  const table = plainTable(['name', 'size', 'status'], ['left', 'right', 'left'], settings);
  table.push(['000008.sst', '10.3 KiB', red('damaged')]);
  table.push(['鍵.log', '5 bytes', '']);
  table.push(['a\nb', '1', 'two lines']);
  expect(stripVTControlCharacters(rendered(table))).toBe(
    [
      '  name            size  status',
      '  000008.sst  10.3 KiB  damaged',
      '  鍵.log       5 bytes',
      '  a                  1  two lines',
      '  b',
    ].join('\n'),
  );
});
