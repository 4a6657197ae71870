import { stripVTControlCharacters } from 'node:util';
import { expect, test } from 'vitest';
import type { RenderSettings } from '../../src/report/reporter.js';
import { plainTable, rendered } from '../../src/report/text/table.js';

const red = (text: string) => `\x1b[31m${text}\x1b[39m`;
const settings = { palette: { dim: (text: string) => text }, width: 80 } as RenderSettings;

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

const lines = (table: ReturnType<typeof plainTable>) => rendered(table).split('\n');
const longest = (table: ReturnType<typeof plainTable>) =>
  Math.max(...lines(table).map((line) => stripVTControlCharacters(line).length));

test('a table that is too wide breaks between words and fits, with every word whole', () => {
  const table = plainTable(['mode', 'before', 'operations lost'], ['left', 'left', 'right'], settings);
  const error = 'refuses: Corruption: block checksum mismatch: stored = 123, computed = 456 in 000016.sst';
  table.push(['  tolerate-corrupted-tail', red(error), '1,234,567']);
  expect(longest(table)).toBeLessThanOrEqual(80);
  const text = stripVTControlCharacters(rendered(table));
  for (const word of ['tolerate-corrupted-tail', '1,234,567', ...error.split(' ')])
    expect(text).toContain(word);
  expect(text).not.toContain('…');
});

test('titles break before numbers do', () => {
  const table = plainTable(
    ['recovery mode', ...Array<string>(4).fill('operations lost')],
    ['left', ...Array<'right'>(4).fill('right')],
    settings,
  );
  table.push(['tolerate-corrupted-tail', ...Array<string>(4).fill('12 345')]);
  expect(lines(table).slice(0, 2).join(' ')).toMatch(/operations .*\s+lost/);
  expect(lines(table).at(-1)).toContain('12 345');
});

test('a word that is wider than the terminal is not cut', () => {
  const path = '/a/very/long/path/'.repeat(8);
  const table = plainTable(['file', 'status'], ['left', 'left'], settings);
  table.push([path, 'clean']);
  expect(rendered(table)).toContain(path);
});

test('rows keep their columns over many rows', () => {
  const table = plainTable(['file', 'size'], ['left', 'right'], settings);
  for (let i = 0; i < 100; i++) table.push([`${i}.sst`, '1'.repeat((i % 7) + 1)]);
  expect(lines(table)).toHaveLength(101);
  expect(new Set(lines(table).map(({ length }) => length)).size).toBe(1);
});
