import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { memorySource } from '../../src/io/source.js';
import { PebbleBlobValues } from '../../src/lsm/pebble-blob-values.js';
import { exportTarget } from '../../src/repair/export-target.js';
import { simulateTarget } from '../../src/repair/simulate-target.js';
import { scanTarget } from '../../src/scan/scan.js';
import { withDatabase } from '../support/database.js';
import { fixture } from '../support/files.js';

const store = 'pebble-stores/values';
const WHOLE = { entries: 159, fnv1a64: '5381ffbfa151f8d2' };

/** What simulate says of the values of a store. */
async function simulated(dir: string) {
  const { recovery = [], unchecked } = await simulateTarget(dir, { digest: true });
  const [{ columnFamilies, unreadable, harmless }] = recovery;
  return { digest: columnFamilies?.[0], unreadable, harmless, unchecked };
}

describe('values in blob files of Pebble', () => {
  it('are those that Pebble shows', async () => {
    await withDatabase(store, [], async (dir) => {
      const { digest, unreadable, unchecked } = await simulated(dir);
      expect(digest).toMatchObject(WHOLE);
      expect(digest).not.toHaveProperty('problem');
      expect([unreadable, unchecked]).toEqual([undefined, []]);
    });
  });

  it.each([
    // values of a file that is gone are known by number, of a block that is damaged not
    ['remove 000019.blob', { file: '000019.blob', entries: 10 }],
    ['flip 000019.blob end-20.0', { file: '000019.blob', entries: 10 }],
    ['flip 000019.blob end-50.6', { file: '000019.blob', entries: 10 }],
    ['flip 000006.blob 100.3', { file: '000006.blob' }],
  ])('end a digest where they cannot be read, as they end a walk: %s', async (patch, file) => {
    await withDatabase(store, [patch], async (dir) => {
      const { digest, unreadable, harmless } = await simulated(dir);
      expect(digest?.entries).toBeLessThan(WHOLE.entries);
      expect(digest).toMatchObject({ problem: { file: file.file } });
      expect(unreadable?.files).toMatchObject([file]);
      expect(harmless).toBe(false);
    });
  });

  it('that a lenient export misses are named by their keys', async () => {
    await withDatabase(store, ['remove 000019.blob'], async (dir) => {
      let entries = 0;
      const { problems } = await exportTarget(
        dir,
        { family: async () => {}, entry: () => entries++, flush: async () => {} },
        { lenient: true },
      );
      expect(entries).toBe(WHOLE.entries - 10);
      expect(problems).toHaveLength(10);
      for (const { file, evidence } of problems)
        expect([file, evidence?.key]).toMatchObject(['000019.blob', { utf8: expect.stringMatching(/^key/) }]);
    });
  });

  it('are not counted where they are other ones than their table says, and nothing is damaged', async () => {
    await withDatabase(store, ['copy 000018.blob 000019.blob'], async (dir) => {
      const { digest, unreadable, unchecked } = await simulated(dir);
      expect([digest, unreadable]).toEqual([undefined, undefined]);
      expect(unchecked).toMatchObject([{ reason: expect.stringMatching(/^A value (has|would be|lies)/) }]);
    });
  });

  it('of a file by itself are whole', async () => {
    await withDatabase(store, ['copy 000019.blob strange'], async (dir) => {
      for (const name of ['000019.blob', 'strange']) {
        const { findings, unchecked, files } = await scanTarget(`${dir}/${name}`, { jobs: 1 });
        expect([findings, unchecked]).toEqual([[], []]);
        expect(files).toMatchObject([{ kind: 'blob', status: 'clean' }]);
      }
    });
  });

  it('are read or not, whatever a handle and a file hold', async () => {
    const bytes = fixture(store).get('000019.blob')!;
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ minLength: 1, maxLength: 12 }),
        fc.nat(bytes.length - 1),
        fc.nat(255),
        async (handle, at, mask) => {
          const changed = Buffer.from(bytes);
          changed[at] ^= mask;
          const open = async () => memorySource(changed);
          const values = new PebbleBlobValues({ blob: () => ({ name: '000019.blob', open }) });
          const { value, problem } = await values.read(handle, [19n, undefined], '000016.sst');
          expect(value === undefined).toBe(problem !== undefined);
          await values.close();
        },
      ),
    );
  });
});
