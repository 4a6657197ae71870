import fc from 'fast-check';
import { expect, it } from 'vitest';
import { recoveryModes } from '../../src/recovery/mode.js';
import { fixture } from '../support/files.js';
import { batch, bytesOf, full, op, put, replayed } from './wals.js';

const real = [
  fixture('wal-compressed-7.8'),
  fixture('transactions-prepared-7.8'),
  fixture('wal-recycled-11.9'),
  fixture('basic-7.8'),
].flatMap((files) => [...files].filter(([name]) => name.endsWith('.log')).map(([, bytes]) => bytes));
const made = bytesOf(
  full(batch(1, [put('a', '1'), op(0x0f, 'a', 'b')])),
  full(batch(3, [op(0x02, 'k', 'v')])),
);

const mutation = fc.record({
  source: fc.constantFrom(made, ...real),
  cut: fc.double({ min: 0, max: 1, noNaN: true }),
  edits: fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(255)), { maxLength: 6 }),
});

it('no mutation makes replay throw, and every outcome adds up', async () => {
  await fc.assert(
    fc.asyncProperty(mutation, fc.constantFrom(...recoveryModes), async ({ source, cut, edits }, mode) => {
      const bytes = source.slice(0, Math.ceil(source.length * cut));
      for (const [at, value] of edits)
        if (bytes.length > 0) bytes[Math.floor(at * (bytes.length - 1))] = value;
      for (const policy of ['none', 'write-committed', 'write-prepared', 'write-unprepared'] as const) {
        const { wals, error } = await replayed({ 4: bytes }, mode, { policy });
        const [wal] = wals;
        expect(wal.appliedEnd).toBeLessThanOrEqual(bytes.length);
        expect(wal.applied.every(({ from, to }) => from < to && to <= bytes.length)).toBe(true);
        if (wal.records === 0) expect(wal.applied).toEqual([]);
        expect(wal.state === 'refused').toBe(error !== undefined);
      }
    }),
    { numRuns: 150 },
  );
});

it('what the strictest mode accepts without a word, the others take in the same way', async () => {
  await fc.assert(
    fc.asyncProperty(mutation, async ({ source, cut, edits }) => {
      const bytes = source.slice(0, Math.ceil(source.length * cut));
      for (const [at, value] of edits)
        if (bytes.length > 0) bytes[Math.floor(at * (bytes.length - 1))] = value;
      const strictest = await replayed({ 4: bytes }, 'absolute-consistency', { policy: 'write-prepared' });
      if (!strictest.uneventful) return;
      for (const mode of recoveryModes) {
        const other = await replayed({ 4: bytes }, mode, { policy: 'write-prepared' });
        expect(other.applied).toEqual(strictest.applied);
        expect(other.lastSequence).toBe(strictest.lastSequence);
      }
    }),
    { numRuns: 100 },
  );
});
