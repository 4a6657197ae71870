import { describe, expect, it } from 'vitest';
import { wholeCommands } from '../../../src/app/kvrocks/profile.js';
import { encodeBatch } from '../../../src/encode/batch/encode.js';
import { decodeBatch } from '../../../src/format/batch/decode.js';
import { hash, list, log, string } from '../../support/kvrocks.js';

const opsOf = (...ops: Parameters<typeof encodeBatch>[0]['ops'][number][]) =>
  decodeBatch(encodeBatch({ sequence: 1n, ops })).ops;

describe('the whole commands of a torn batch', () => {
  const first = [log('2'), ...hash('h', { a: '1' })];

  it('end where the last one begins', () => {
    expect(wholeCommands(opsOf(...first, log('3 6'), ...list('l', ['a'])))).toBe(first.length);
    expect(wholeCommands(opsOf(...first, log('3 6')))).toBe(first.length);
  });

  it('are none where there is but one, or none that is named', () => {
    expect(wholeCommands(opsOf(...first))).toBe(0);
    expect(wholeCommands(opsOf(string('s', 'v')))).toBe(0);
    expect(wholeCommands([])).toBe(0);
  });

  it('do not end at the id of the history, which names no command', () => {
    expect(wholeCommands(opsOf(...first, log(`r ${'A'.repeat(16)}`)))).toBe(0);
  });
});
