import { describe, expect, test } from 'vitest';
import { type FileSet, fixture } from './files.js';
import { applyPatches } from './patch.js';

const hex = (files: FileSet, name: string) => Buffer.from(files.get(name)!).toString('hex');

async function patched(...patches: string[]): Promise<FileSet> {
  return applyPatches(new Map([['a', Buffer.from('00112233', 'hex')]]), patches);
}

describe('patches', () => {
  test.each([
    ['flip a 0x1.5', '00312233'],
    ['write a 2 ffee', '0011ffee'],
    ['write a end-1 "A"', '00112241'],
    ['zero a 1 2', '00000033'],
    ['truncate a 0x3', '001122'],
    ['append a 44', '0011223344'],
    ['insert a 1 ff', '00ff112233'],
    ['cut a 1 2', '0033'],
    ['replace a "\\"3" "x"', '001178'],
  ])('%s', async (patch, expected) => {
    expect(hex(await patched(patch), 'a')).toBe(expected);
  });

  test('whole files', async () => {
    const files = await patched(
      'copy a b',
      'write b 0 ff',
      'swap a b',
      'move b c',
      'create d "text"',
      'remove a',
    );
    expect([...files.keys()].sort()).toEqual(['c', 'd']);
    expect(hex(files, 'c')).toBe('00112233');
  });

  test('a patch that cannot be applied says which', async () => {
    await expect(patched('write a 3 ffff')).rejects.toThrow('write a 3 ffff: write past the end');
    await expect(patched('flip b 0.1')).rejects.toThrow('no file b');
  });
});

describe('checksums of a healthy file are what the engine wrote', () => {
  test.each([
    ['basic-7.8', 'fix-record 000017.log 0'],
    ['basic-7.8', 'fix-record MANIFEST-000005 0'],
    ['wal-recycled-11.9', 'fix-record 000027.log 0'],
    ['blob-7.8', 'fix-blob 000010.blob 30'],
    ['blob-7.8', 'fix-blob-footer 000010.blob'],
    ['titan/lz4', 'fix-titan titandb/000002.blob 20'],
    ['titan/dict', 'fix-titan-footer titandb/000002.blob'],
    ['format-7-11.9', 'fix-footer 000011.sst'],
    ['basic-9.7', 'fix-footer 000009.sst'],
  ])('%s: %s', async (base, patch) => {
    const name = patch.split(' ')[1];
    const files = await applyPatches(fixture(base), [patch]);
    expect(hex(files, name)).toBe(hex(fixture(base), name));
  });

  test('a record as the engine would append it', async () => {
    const files = await applyPatches(new Map([['a.log', new Uint8Array(0)]]), [
      'append-record a.log 1 01000000000000000100000001026b31027631',
    ]);
    expect(hex(files, 'a.log')).toBe('0f0aef6213000101000000000000000100000001026b31027631');
  });
});
