import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { inRepository } from './support/repository.js';

// @ts-expect-error: a script, without types
const { KERNELS, compileKernel } = await import('../kernel/build.mjs');
const targets: string[] = KERNELS.map((kernel: { target: string }) => kernel.target);

test.each(targets)('%s is what its sources compile to', { timeout: 60_000 }, async (target) => {
  const kernel = KERNELS.find((candidate: { target: string }) => candidate.target === target);
  expect(await compileKernel(kernel)).toBe(readFileSync(inRepository(target), 'utf8'));
});
