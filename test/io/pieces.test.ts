import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SourceDescriptor } from '../../src/bytes/source.js';
import { takeInventory } from '../../src/io/inventory.js';
import { openSource } from '../../src/io/source.js';
import { inRepository } from '../support/repository.js';

const memory = (text: string): SourceDescriptor => ({ kind: 'memory', bytes: Buffer.from(text) });

describe('pieces of sources end to end', () => {
  it('read as the file that they make, at every offset', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.string({ maxLength: 12 }), fc.nat(4)), { maxLength: 5 }),
        fc.nat(40),
        fc.nat(40),
        async (parts, offset, length) => {
          const texts = parts.map(([text, skip]) => Buffer.from(text).subarray(skip));
          const whole = Buffer.concat(texts);
          const source = await openSource({
            kind: 'pieces',
            pieces: parts.map(([text, skip], i) => ({
              of: memory(text),
              offset: skip,
              length: texts[i].length,
            })),
          });
          expect(source.size).toBe(whole.length);
          const into = Buffer.alloc(length);
          const got = await source.read(into, offset);
          expect(into.subarray(0, got).toString('hex')).toBe(
            whole.subarray(offset, offset + length).toString('hex'),
          );
          await source.close();
        },
      ),
    );
  });

  it('end early where a source does', async () => {
    const pieces = [
      { of: memory('short'), offset: 0, length: 8 },
      { of: memory('after'), offset: 0, length: 6 },
    ];
    const source = await openSource({ kind: 'pieces', pieces });
    const into = Buffer.alloc(14);
    expect(await source.read(into, 0)).toBe(5);
  });

  it('of a file that is not there are not opened', async () => {
    const gone: SourceDescriptor = { kind: 'file', path: '/no/such/file' };
    const pieces = [
      { of: memory('a'), offset: 0, length: 1 },
      { of: gone, offset: 0, length: 1 },
    ];
    await expect(openSource({ kind: 'pieces', pieces })).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

it('a directory is listed with files in place of those that are there', async () => {
  const { entries } = await takeInventory(inRepository('fixtures/basic-7.8'), {
    instead: [
      { file: '000019.log', content: { source: memory('other'), size: 5 } },
      { file: '000017.log' },
      { file: '000099.log', content: { source: memory('new'), size: 3 } },
      { file: 'not-there' },
    ],
  });
  const logs = entries
    .filter(({ kind }) => kind === 'wal')
    .map(({ file, size, number }) => [file, size, number]);
  expect(logs).toEqual([
    ['000019.log', 5, 19n],
    ['000099.log', 3, 99n],
  ]);
});
