import { existsSync, renameSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { damageCases } from '../support/case.js';
import { withDatabase } from '../support/database.js';
import { withFieldCase } from '../support/field.js';
import { journey, type Step, shellWords, typed } from '../support/journey.js';

/** What is wrong with the way from a scan to the end; nothing where it leads somewhere. */
async function faultsOf(steps: readonly Step[]): Promise<string[]> {
  const faults: string[] = [];
  const seen = new Set<string>();
  for (const { line, status, text, printed } of steps) {
    if (status === 2) faults.push(`usage: ${line}\n${text}`);
    const asScan = line.startsWith('kvdoctor scan') && seen.size > 0;
    if (seen.has(line) && !asScan) faults.push(`circle: ${line}`);
    seen.add(line);
    for (const each of printed)
      if (shellWords(each.line).some((word) => word.startsWith("'"))) faults.push(`cut: ${each.line}`);
  }
  const last = steps.at(-1)!;
  const names = steps.map(({ line }) => line.split(' ')[1]);
  const ended = last.status === 0 || names.includes('repair') || names.includes('export');
  const inWords = /can be restored|This is a copy|Without a repair|Nothing|restore|backup/.test(last.text);
  if (!ended && !inWords)
    faults.push(`dead end: ${steps.map(({ line }) => line).join(' -> ')}\n${last.text}`);
  for (const { printed } of steps)
    for (const { label, line } of printed) {
      if (label !== 'also') continue;
      const { status, text } = await typed(line);
      if (status === 2) faults.push(`usage: ${line}\n${text}`);
    }
  return faults;
}

/** Every so many of the cases, so that all areas are met and it takes seconds. */
const SAMPLE = Number(process.env.KVDOCTOR_JOURNEYS ?? 9);
const cases = damageCases().filter((_, i) => i % SAMPLE === 0);

describe('what every screen says is next', () => {
  it.each(cases.map((each) => [each.name, each] as const))('leads somewhere from %s', (_, each) =>
    withDatabase(each.base, each.patches, async (dir) => {
      const steps = await journey(`kvdoctor scan ${path.join(dir, each.target)}`);
      expect(await faultsOf(steps)).toEqual([]);
    }),
  );
});
