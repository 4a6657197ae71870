import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { repairTarget } from '../../src/repair/run.js';
import { withDatabase } from '../support/database.js';
import { inRepository } from '../support/repository.js';

const tool = 'kvdoctor test';
const yes = { confirm: async () => true };

test.each(['000004.log 0xa8.1', '000005.ldb 0x40.2', 'MANIFEST-000002 0x3e.4'])(
  'a flipped bit of a LevelDB is put back: %s',
  async (flip) => {
    await withDatabase('leveldb', [`flip ${flip}`], async (dir) => {
      const options = { way: { strategy: 'heal' }, destination: { kind: 'in-place' }, tool } as const;
      const { repair } = await repairTarget(dir, { ...options, stopped: true }, yes);
      expect(repair?.state).toBe('repaired');
      const [file] = flip.split(' ');
      expect(fs.readFileSync(path.join(dir, file))).toEqual(
        fs.readFileSync(inRepository(path.join('fixtures/leveldb', file))),
      );
    });
  },
);

test('what is not proven is refused', async () => {
  await withDatabase('leveldb', ['truncate 000004.log 790'], async (dir) => {
    const options = { way: { strategy: 'auto' }, destination: { kind: 'dry-run' }, tool } as const;
    const { repair } = await repairTarget(dir, options, yes);
    expect(repair?.state).toBe('refused');
  });
});
