import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SourceWindow } from '../../../src/format/sst/window.js';
import { openSource } from '../../../src/io/source.js';

const bytes = Uint8Array.from({ length: 1000 }, (_, i) => (i * 7) & 0xff);
const source = await openSource({ kind: 'memory', bytes });

test('any ranges in any order are what the source holds', async () => {
  const range = fc.record({ offset: fc.nat(1100), length: fc.integer({ min: 1, max: 300 }) });
  await fc.assert(
    fc.asyncProperty(fc.array(range), async (ranges) => {
      const window = new SourceWindow(source, source.size, 64);
      for (const { offset, length } of ranges) {
        await window.ensure(offset, length);
        const whole = offset + length <= bytes.length;
        expect(window.has(offset, length)).toBe(whole);
        expect(window.view(offset, length)).toEqual(
          whole ? bytes.subarray(offset, offset + length) : undefined,
        );
        const copy = new Uint8Array(length);
        const copied = window.copy(copy, offset);
        expect(copy.subarray(0, copied)).toEqual(bytes.subarray(offset, offset + length));
      }
    }),
  );
});

test('what it gave ends with the next read', async () => {
  const window = new SourceWindow(source, source.size, 64);
  await window.ensure(0, 10);
  const view = window.view(0, 10)!;
  await window.ensure(500, 10);
  expect([...view]).toEqual([...bytes.subarray(500, 510)]);
  // nothing is there, but what was is gone
  const rest = window.view(500, 10)!;
  await window.ensure(2000, 10);
  expect([...rest.subarray(0, 1)]).toEqual([0xa5]);
});

test('two readers at the same time are a mistake that is not silent', async () => {
  const window = new SourceWindow(source, source.size, 64);
  const first = window.ensure(0, 10);
  await expect(window.ensure(500, 10)).rejects.toThrow('two readers share one window');
  await first;
  expect(window.view(0, 10)).toEqual(bytes.subarray(0, 10));
});
