import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { progressBar } from '../../src/cli/progress-bar.js';
import { fakeHost } from './host.js';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const MiB = 1 << 20;

/** Works for so long, half of it done after half of the time. */
function work(host: ReturnType<typeof fakeHost>, milliseconds: number): string {
  const bar = progressBar(host.stderr, host.env);
  for (let passed = 0; passed < milliseconds; passed += 100) {
    const share = passed / milliseconds;
    bar.update({ share, done: 400 * MiB * share, total: 400 * MiB });
    vi.advanceTimersByTime(100);
  }
  bar.end();
  vi.advanceTimersByTime(5000);
  return host.err();
}

it('shows bytes, rate and the time that is left', () => {
  const shown = work(fakeHost({ terminal: true }), 4000);
  expect(shown).toContain('[##############-------------]  52 %  210 MiB of 400 MiB  98.8 MiB/s  1.9 s left');
});

it('fits the line and takes itself away', () => {
  const shown = work(fakeHost({ terminal: true }), 4000);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what is parted at
  for (const drawn of shown.split(/\u001b(?:\[[0-9;]*[A-Za-z]|[78])/)) expect(drawn.length).toBeLessThan(80);
  expect(shown.trimEnd().endsWith('\u001b[2K')).toBe(true);
});

it('shows nothing when the work is short', () => {
  expect(work(fakeHost({ terminal: true }), 400)).toBe('');
});

it('shows nothing without a terminal, or on a dumb one', () => {
  expect(work(fakeHost(), 4000)).toBe('');
  expect(work(fakeHost({ terminal: true, env: { TERM: 'dumb' } }), 4000)).toBe('');
});
