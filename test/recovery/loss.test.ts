import { expect, it } from 'vitest';
import { kvdoctor } from '../cli/host.js';
import { withDatabase } from '../support/database.js';

it.each(['wal-large-7.8', 'wal-compressed-7.8'])(
  'operations after the damage are counted, compressed or not: %s',
  (name) =>
    withDatabase(name, ['flip 000012.log 0x3e8.0'], async (dir) => {
      const { out } = await kvdoctor(`simulate ${dir} --format json`);
      const [target] = JSON.parse(out).targets;
      const lost = target.recovery.find(({ own }: { own?: boolean }) => own).lost;
      const { operations, records, firstSequence, lastSequence } = lost;
      expect(lastSequence).toBe('103');
      expect(operations).toBe(records);
      expect(operations).toBe(104 - Number(firstSequence));
      expect(lost.undecodable ?? 0).toBe(0);
      expect(lost.commits ?? 0).toBe(0);
    }),
);
