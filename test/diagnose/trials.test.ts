import { beforeAll, expect, test } from 'vitest';
import { Random } from '../mutation/random.js';
import {
  byteTrial,
  countOutcomes,
  flipTrial,
  garbageTrial,
  type HealthyFile,
  healthyFiles,
  type Outcome,
  otherTrial,
} from './trials.js';

/*
 * A small version of `npm run bench:diagnosis`, whose figures stand in docs/diagnosis.md: whatever the damage, nothing is
 * called proven that is not so.
 */

/** Of the trials that show it well, a share: two in five of them show it well enough. `KVDOCTOR_TRIALS=1`: all. */
const SHARE = Number(process.env.KVDOCTOR_TRIALS ?? 0.4);

let files: HealthyFile[];

beforeAll(async () => {
  files = await healthyFiles();
});

const trials = (count: number, random: Random, trial: Parameters<typeof countOutcomes>[3]) =>
  countOutcomes(files, Math.round(count * SHARE), random, trial);

function sum(counts: ReadonlyMap<string, Record<Outcome, number>>, outcome: Outcome): number {
  return [...counts.values()].reduce((total, of) => total + of[outcome], 0);
}

test('one flipped bit is proven wherever a checksum covers it', { timeout: 60_000 }, async () => {
  const counts = await trials(300, new Random(11), (p, random) => flipTrial(p, 1, random));
  expect(sum(counts, 'wrong')).toBe(0);
  expect(counts.get('MANIFEST')).toMatchObject({ named: 30 * SHARE });
  expect(counts.get('table, crc32c with context')).toMatchObject({ named: 30 * SHARE });
  expect(counts.get('table, xxh3 with context')).toMatchObject({ named: 30 * SHARE });
  expect(counts.get('table, none')).toMatchObject({ named: 0, likely: 0 });
});

test('one overwritten byte is proven under CRC-32C, and under nothing else', {
  timeout: 60_000,
}, async () => {
  const counts = await trials(200, new Random(15), byteTrial);
  expect(sum(counts, 'wrong') + sum(counts, 'mistaken')).toBe(0);
  expect(counts.get('table, crc32c with context')!.named).toBeGreaterThan(15 * SHARE);
  expect(counts.get('table, xxh3 with context')).toMatchObject({ named: 0 });
  expect(counts.get('MANIFEST')!.named).toBeGreaterThan(10 * SHARE);
});

test('two flipped bits are never proven', { timeout: 60_000 }, async () => {
  const counts = await trials(200, new Random(12), (p, random) => flipTrial(p, 2, random));
  expect(sum(counts, 'named') + sum(counts, 'wrong') + sum(counts, 'mistaken')).toBe(0);
  expect(sum(counts, 'likely')).toBeGreaterThan(40 * SHARE);
});

test('noise is no flipped bit', { timeout: 60_000 }, async () => {
  const counts = await trials(200, new Random(13), garbageTrial);
  expect(sum(counts, 'unnamed')).toBe(200 * SHARE);
});

test('whatever else is done to a file, only what is true is proven', { timeout: 60_000 }, async () => {
  const counts = await trials(400, new Random(14), otherTrial);
  expect(sum(counts, 'wrong')).toBe(0);
});
