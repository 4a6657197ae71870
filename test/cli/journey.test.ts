import { mkdirSync, readdirSync, renameSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { shellWord } from '../../src/finding/shell-word.js';
import { damageCases } from '../support/case.js';
import { withDatabase } from '../support/database.js';
import { hasSharedArchive, withFieldCase, withSharedArchive } from '../support/field.js';
import { journey, type Step, shellWords, typed } from '../support/journey.js';
import { inRepository } from '../support/repository.js';

/** What is wrong with the way from a scan to the end; nothing where it leads somewhere. */
async function faultsOf(steps: readonly Step[]): Promise<string[]> {
  const faults: string[] = [];
  const seen = new Set<string>();
  for (const { line, status, text, printed } of steps) {
    if (status === 2) faults.push(`usage: ${line}\n${text}`);
    const asScan = line.startsWith('kvdoctor scan') && seen.size > 0;
    if (seen.has(line) && !asScan) faults.push(`circle: ${line}`);
    // what a repair has made is another database
    if (line.startsWith('kvdoctor repair') && status === 0 && !line.includes('--dry-run')) seen.clear();
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
const SAMPLE = Number(process.env.KVDOCTOR_JOURNEYS ?? 20);
const cases = damageCases().filter((_, i) => i % SAMPLE === 0);

const folders = (folder: string) =>
  readdirSync(inRepository(folder))
    .filter((name) => name.endsWith('.tar.gz'))
    .map((name) => name.slice(0, -'.tar.gz'.length));

/** Where containers keep volumes: longer than a line of a terminal. */
const VOLUME = `docker/volumes/${'0123456789abcdef'.repeat(5)}-data/_data`;

describe('what every screen says is next', () => {
  it.each(cases.map((each) => [each.name, each] as const))('leads somewhere from %s', (_, each) =>
    withDatabase(each.base, each.patches, async (dir) => {
      const steps = await journey(`kvdoctor scan ${path.join(dir, each.target)}`);
      expect(await faultsOf(steps)).toEqual([]);
    }),
  );

  it.each(folders('fixtures/field').filter((_, i) => i % 7 === 3))('leads somewhere from %s', (name) =>
    withFieldCase(name, [], async (dir) => {
      expect(await faultsOf(await journey(`kvdoctor scan ${dir}`))).toEqual([]);
    }),
  );

  it.each([VOLUME, "my databases/it's this one"])('is one line that a shell takes: %s', (place) =>
    withDatabase('basic-7.8', ['flip 000019.log 0x60.3'], async (dir) => {
      const moved = path.join(path.dirname(dir), place);
      mkdirSync(path.dirname(moved), { recursive: true });
      renameSync(dir, moved);
      const steps = await journey(`kvdoctor scan ${shellWord(moved)}`);
      expect(await faultsOf(steps)).toEqual([]);
      expect(steps.map(({ line }) => line)).toEqual([
        `kvdoctor scan ${shellWord(moved)}`,
        `kvdoctor repair --strategy heal --dry-run ${shellWord(moved)}`,
        `kvdoctor repair --strategy heal ${shellWord(moved)}`,
        `mv ${shellWord(moved)} ${shellWord(`${moved}.damaged`)}`,
        `mv ${shellWord(`${moved}.repaired`)} ${shellWord(moved)}`,
        `kvdoctor scan ${shellWord(moved)}`,
      ]);
      expect(steps.at(-1)).toMatchObject({ status: 0 });
    }),
  );

  // real directories that are too large for the repository
  const shared = 'field/rsync-compaction.tar.gz';
  it.skipIf(!hasSharedArchive(shared))('leads somewhere from real directories as well', () =>
    withSharedArchive(shared, async (parent) => {
      const [name] = readdirSync(parent);
      expect(await faultsOf(await journey(`kvdoctor scan ${path.join(parent, name)}`))).toEqual([]);
    }),
  );

  it('names healing first where a cut would lose what is proven', () =>
    withDatabase('basic-7.8', ['flip 000019.log 0x60.3'], async (dir) => {
      const { text, printed } = await typed(`kvdoctor repair --mode point-in-time --dry-run ${dir}`);
      expect(printed.slice(-2)).toEqual([
        { label: 'next', line: `kvdoctor repair --strategy heal --dry-run ${dir}` },
        { label: 'also', line: `kvdoctor repair --mode point-in-time ${dir}` },
      ]);
      expect(text).not.toContain('--accept-hole');
    }));
});
