import { describe, expect, test } from 'vitest';
import { simulateTarget } from '../../src/repair/simulate-target.js';
import { withDatabase } from '../support/database.js';

/** What both modes make of fixtures/leveldb with patches: entries and the last sequence, or LevelDB's words. */
async function modes(...patches: string[]) {
  const { recovery = [] } = await withDatabase('leveldb', patches, (dir) =>
    simulateTarget(dir, { digest: true }),
  );
  return Object.fromEntries(
    recovery.map(({ mode, opens, error, columnFamilies, lastSequence }) => [
      mode,
      opens ? `${columnFamilies?.[0].entries} entries, sequence ${lastSequence}` : error,
    ]),
  );
}

// ten records of one put, 80 bytes each, sequences 51 to 60; fifty keys in the table
describe('LevelDB opens', () => {
  test('what is whole', async () => {
    const whole = '60 entries, sequence 60';
    expect(await modes()).toEqual({ default: whole, paranoid: whole });
  });

  test('over a bad checksum without the rest of the block, unless it is paranoid', async () => {
    expect(await modes('flip 000004.log 0xa8.1')).toEqual({
      default: '52 entries, sequence 52',
      paranoid: 'Corruption: checksum mismatch',
    });
  });

  test('over a torn tail in silence, in both modes', async () => {
    const torn = '59 entries, sequence 59';
    expect(await modes('truncate 000004.log 790')).toEqual({ default: torn, paranoid: torn });
  });

  test('with the operations of a batch before the one that does not decode', async () => {
    const patches = ['write 000004.log 0x13 65', 'fix-record 000004.log 0x0'];
    expect(await modes(...patches)).toEqual({
      default: '59 entries, sequence 60',
      paranoid: 'Corruption: unknown WriteBatch tag',
    });
  });

  test('with a bad checksum in the index of a table, unless it verifies', async () => {
    // the paranoid open succeeds as well, and its reads fail
    expect(await modes('flip 000005.ldb 0x2f3.0')).toEqual({
      default: '60 entries, sequence 60',
      paranoid: '0 entries, sequence 60',
    });
  });

  test('not without a table, unless another file bears its number', async () => {
    const error = 'Corruption: 1 missing files; e.g.: 000005.ldb';
    expect(await modes('remove 000005.ldb')).toEqual({ default: error, paranoid: error });
  });
});

test('the advice begins with what must not be done', async () => {
  const advice = (patches: string[]) =>
    withDatabase('leveldb', patches, async (dir) => (await simulateTarget(dir)).recommendation?.reason);
  expect(await advice(['flip 000004.log 0xa8.1'])).toMatch(/^Do not open it: .* delete 000004\.log/);
  expect(await advice(['remove CURRENT'])).toMatch(/^Do not open it: .* all 1 tables would be deleted/);
  expect(await advice([])).toBe('LevelDB opens it and loses nothing.');
});
