import { expect, test } from 'vitest';
import { landAt } from '../../src/inspect/at.js';
import { inspectBytes } from '../../src/inspect/inspect.js';
import type { Root } from '../../src/inspect/node.js';
import { fixture } from '../support/files.js';
import { type Collected, collect, kindOf } from './collect.js';

/** The names on the way to an address, and the innermost node. */
async function land(file: string, bytes: Uint8Array, offset: number, inner?: number) {
  const detail = { records: true, entries: true, near: offset };
  const { root, source } = await inspectBytes(bytes, kindOf(file)!, detail, file);
  let way: Collected | undefined;
  const found = await landAt(root, { offset, inner }, source, async (pruned: Root) => {
    way = await collect(pruned);
  });
  if (!found || way === undefined) return undefined;
  const names: string[] = [];
  let last = way;
  for (; last.children.length === 1; last = last.children[0]) names.push(last.name);
  return { names: [...names, last.name], last };
}

test('a byte of a key is in the key of its operation', async () => {
  const found = await land('000017.log', fixture('basic-7.8').get('000017.log')!, 0x1f);
  expect(found?.names).toEqual(['000017.log', 'record', 'batch', 'put', 'key']);
  expect(found?.last.text ?? found?.last.value).toEqual(Uint8Array.from(Buffer.from('order:0000')));
});

test('a byte of a checksum is in the header of its record', async () => {
  const found = await land('000017.log', fixture('basic-7.8').get('000017.log')!, 0xbe);
  expect(found?.names).toEqual(['000017.log', 'record', 'checksum']);
});

test('a byte of a later fragment is in the value that goes on there', async () => {
  const bytes = fixture('wal-large-7.8').get('000004.log')!;
  const found = await land('000004.log', bytes, 0x9000);
  expect(found?.names).toEqual(['000004.log', 'record', 'batch', 'put', 'value']);
  const header = await land('000004.log', bytes, 0x8002);
  expect(header?.names).toEqual(['000004.log', 'record', 'fragment', 'checksum']);
});

test('a byte of a compressed block is in what is compressed, a byte of its content in an entry', async () => {
  const bytes = fixture('basic-6.17').get('000011.sst')!;
  expect((await land('000011.sst', bytes, 0x20))?.names.slice(1)).toEqual(['data block', 'compressed']);
  const inside = await land('000011.sst', bytes, 0x20, 0x40);
  expect(inside?.names.slice(1)).toEqual(['data block', 'content', 'put', 'value']);
  expect(await land('000011.sst', bytes, 0x20, 1_000_000)).toBeUndefined();
});

test('a byte of a compressed log is in the payload, a byte of the record in an operation', async () => {
  const bytes = fixture('wal-compressed-7.8').get('000012.log')!;
  expect((await land('000012.log', bytes, 0x20))?.names.slice(1)).toEqual(['record', 'payload']);
  expect((await land('000012.log', bytes, 0x20, 0x10))?.names.slice(1)).toEqual([
    'record',
    'batch',
    'put',
    'key',
  ]);
});

test('every byte of every kind of file leads somewhere', async () => {
  const files: [string, string][] = [
    ['basic-7.8', '000017.log'],
    ['basic-7.8', 'MANIFEST-000005'],
    ['basic-7.8', '000018.sst'],
    ['blob-7.8', '000010.blob'],
    ['basic-7.8', 'CURRENT'],
    ['backup-7.8', 'meta/1'],
  ];
  for (const [base, file] of files) {
    const bytes = fixture(base).get(file)!;
    for (let offset = 0; offset < bytes.length; offset += 97) {
      const found = await land(file, bytes, offset);
      const place = found?.last.inFile?.find(
        (range) => offset >= range.offset && offset < range.offset + range.length,
      );
      expect({ file, offset, found: place !== undefined }).toEqual({ file, offset, found: true });
    }
  }
});
