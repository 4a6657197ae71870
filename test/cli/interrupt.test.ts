import { expect, it } from 'vitest';
import { watchInterrupt } from '../../src/cli/interrupt.js';
import { fakeHost } from './host.js';

it('the first Ctrl-C asks to end, the second ends the process', () => {
  const host = fakeHost();
  const { signal } = watchInterrupt(host);
  expect(signal.aborted).toBe(false);
  host.interrupt();
  expect(signal.aborted).toBe(true);
  expect(host.err()).toContain('ending with what is known so far');
  expect(host.killed).toEqual([]);
  host.interrupt();
  expect(host.killed).toEqual([130]);
});

it('gives Ctrl-C back when the command has ended', () => {
  const host = fakeHost();
  const watched = watchInterrupt(host);
  watched.release();
  host.interrupt();
  expect(watched.signal.aborted).toBe(false);
});
