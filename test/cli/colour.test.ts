import { expect, it } from 'vitest';
import { type ColorChoice, wantsColour } from '../../src/cli/colour.js';

it.each<[string, ColorChoice, Record<string, string>, boolean, boolean]>([
  ['a terminal', 'auto', {}, true, true],
  ['no terminal', 'auto', {}, false, false],
  ['a dumb terminal', 'auto', { TERM: 'dumb' }, true, false],
  ['NO_COLOR on a terminal', 'auto', { NO_COLOR: '1' }, true, false],
  ['an empty NO_COLOR, which does not count', 'auto', { NO_COLOR: '' }, true, true],
  ['FORCE_COLOR without a terminal', 'auto', { FORCE_COLOR: '1' }, false, true],
  ['an empty FORCE_COLOR, which counts', 'auto', { FORCE_COLOR: '' }, false, true],
  ['FORCE_COLOR=0 on a terminal', 'auto', { FORCE_COLOR: '0' }, true, false],
  ['FORCE_COLOR over NO_COLOR', 'auto', { FORCE_COLOR: '1', NO_COLOR: '1' }, false, true],
  ['--color always over NO_COLOR', 'always', { NO_COLOR: '1' }, false, true],
  ['--color never over FORCE_COLOR', 'never', { FORCE_COLOR: '1' }, true, false],
])('%s', (_, choice, env, isTTY, wanted) => {
  expect(wantsColour(choice, env, { isTTY })).toBe(wanted);
});
