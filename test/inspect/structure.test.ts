import { describe, expect, test } from 'vitest';
import { fixture, fixtureNames } from '../support/files.js';
import { type Collected, child, every, kindOf, tree } from './collect.js';

const files = fixtureNames().flatMap((base) =>
  [...fixture(base)].filter(([file]) => kindOf(file)).map(([file, bytes]) => ({ base, file, bytes })),
);

/** Two writers in one batch, a cut by a kill, files of another engine: not as a writer leaves them. */
const odd = /kvrocks-race|pebble/;

/** Ranges of the file that the nodes right below the root take, in their order. */
function ranges(root: Collected): { offset: number; length: number }[] {
  return root.children.filter(({ space }) => space === 'file') as { offset: number; length: number }[];
}

describe('every byte of a healthy file belongs to one thing', () => {
  test.each(files.filter(({ base }) => !odd.test(base)))('$base $file', async ({ file, bytes }) => {
    const kind = kindOf(file);
    const root = await tree(file, bytes);
    // empty lines of text are nothing
    if (kind === 'options' || kind === 'backup') return;
    let end = 0;
    for (const { offset, length } of ranges(root)) {
      expect(offset).toBe(end);
      end = offset + length;
    }
    expect(end).toBe(bytes.length);
  });
});

describe('in every file', () => {
  test.each(files)('what is shown lies inside what holds it: $base $file', async ({ file, bytes }) => {
    const root = await tree(file, bytes, { records: true, entries: true });
    const wrong: Collected[] = [];
    for (const node of every(root)) {
      const said = [node.name, node.text ?? '', ...node.problems].join(' ');
      if (/undefined|NaN|\[object/.test(said)) wrong.push(node);
      const end = node.offset! + node.length!;
      for (const below of node.children) {
        if (node.space !== below.space || below.offset === undefined) continue;
        if (below.offset < node.offset! || below.offset + below.length! > end) wrong.push(below);
      }
    }
    expect(wrong).toEqual([]);
  });

  test.each(files.filter(({ base }) => !odd.test(base)))(
    'nothing is wrong with a healthy one: $base $file',
    async ({ file, bytes }) => {
      const root = await tree(file, bytes, { records: true, entries: true });
      const problems = [...every(root)].flatMap((node) => node.problems);
      // a table that a killed process had just created
      expect(problems).toEqual(bytes.length === 0 && file.endsWith('.sst') ? ['the table is empty'] : []);
    },
  );
});

test('an operation of a batch has its fields, each with its bytes', async () => {
  const bytes = fixture('basic-7.8').get('000017.log')!;
  const root = await tree('000017.log', bytes, { records: true, limit: 1 });
  const put = child(child(root.children[0], 'batch'), 'put')!;
  expect(put).toMatchObject({ offset: 0x13, length: 54 });
  expect(put.text).toBe('"order:0000" @197 cf 2 = "value-0-ijklmnopqrstuvwxyzabcdefghijklmn"');
  expect(put.children.map(({ name, offset, length }) => [name, offset, length])).toEqual([
    ['tag', 0x13, 1],
    ['column family', 0x14, 1],
    ['key length', 0x15, 1],
    ['key', 0x16, 10],
    ['value length', 0x20, 1],
    ['value', 0x21, 40],
  ]);
});

test('fields of a record in fragments lie where their bytes are', async () => {
  const root = await tree('000004.log', fixture('wal-large-7.8').get('000004.log')!, { records: true });
  const fragmented = root.children.find((record) => child(record, 'fragment'))!;
  expect(fragmented.children.filter(({ name }) => name === 'fragment').length).toBeGreaterThan(1);
  const value = [...every(fragmented)].find(({ inFile, space }) => space === 'record' && inFile!.length > 1)!;
  const [first, second] = value.inFile!;
  expect(first.offset + first.length).toBe(32768);
  expect(second.offset).toBe(32768 + 7);
});

test('--limit holds for each list', async () => {
  const bytes = fixture('basic-7.8').get('000014.sst')!;
  const root = await tree('000014.sst', bytes, { entries: true, limit: 2 });
  const blocks = root.children.filter(({ name }) => name === 'data block');
  expect(blocks).toHaveLength(2);
  expect(blocks[0].children.filter(({ name }) => name === 'put')).toHaveLength(2);
  expect(root.children.at(-1)?.name).toBe('footer');
});

test('a damaged block is marked, and what it still holds is shown', async () => {
  const bytes = fixture('basic-7.8').get('000014.sst')!.slice();
  bytes[0x13d] ^= 0x10;
  const root = await tree('000014.sst', bytes, { entries: true });
  const damaged = [...every(root)].filter(({ problems }) => problems.length > 0);
  expect(damaged.map(({ name, offset }) => [name, offset])).toEqual([
    ['data block', 0],
    ['checksum', 0x1e6],
  ]);
  expect(damaged[0].children.filter(({ name }) => name === 'put')).toHaveLength(13);
});
