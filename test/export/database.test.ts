import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readDatabase } from '../../src/engine/database.js';
import { DatabaseExport } from '../../src/export/database.js';
import { exportEntries } from '../../src/export/entries.js';
import { NdjsonSink } from '../../src/export/ndjson.js';
import { DirectorySink } from '../../src/io/directory-sink.js';
import { exportTarget } from '../../src/repair/export-target.js';
import { scanTarget } from '../../src/scan/scan.js';
import { kvdoctor } from '../cli/host.js';
import { damageCases } from '../support/case.js';
import { withDatabase } from '../support/database.js';

/** The lines of an export without their sequences, which a new database does not keep. */
async function linesOf(dir: string): Promise<string[]> {
  let text = '';
  const sink = new NdjsonSink(async (more) => {
    text += more;
  });
  await exportEntries(await readDatabase(dir), sink);
  return text
    .trimEnd()
    .split('\n')
    .map((line) => line.replace(/,"sequence":"\d+"/, ''));
}

async function exported(dir: string, output: string, lenient: boolean) {
  const directory = await DirectorySink.create(output);
  const sink = new DatabaseExport(directory);
  const summary = await exportTarget(dir, sink, { lenient });
  await sink.finish();
  await directory.commit();
  return summary;
}

describe('an export into a new directory', () => {
  it.each(['basic-7.8', 'basic-9.7', 'blob-zstd-7.8', 'wide-7.8', 'timestamps-7.8', 'format-7-11.9'])(
    'of %s holds the same entries and is whole',
    async (name) => {
      await withDatabase(name, [], async (dir) => {
        const output = join(dir, '..', 'new');
        expect((await exported(dir, output, false)).problems).toEqual([]);
        expect(await linesOf(output)).toEqual(await linesOf(dir));
        const { findings } = await scanTarget(output, { jobs: 1 }, {});
        expect(findings.filter(({ severity }) => severity !== 'note')).toEqual([]);
      });
    },
  );

  it('refuses a name that is taken', async () => {
    await withDatabase('basic-7.8', [], async (dir) => {
      await expect(DirectorySink.create(dir)).rejects.toMatchObject({ code: 'EEXIST' });
    });
  });

  it('leaves another export to the same directory alone, also one that was killed', async () => {
    await withDatabase('basic-7.8', [], async (dir) => {
      const output = join(dir, '..', 'new');
      const first = await DirectorySink.create(output);
      const second = await kvdoctor(`export ${dir} --output ${output}`);
      expect([second.status, second.err.split('\n')[0]]).toEqual([
        2,
        `kvdoctor: ${output}.kvdoctor-partial is there already: another export to ${output} is at work, or one was killed`,
      ]);
      await first.abandon();
      expect((await kvdoctor(`export ${dir} --output ${output}`)).status).toBe(0);
      expect((await kvdoctor(`export ${dir} --output ${output}`)).err).toContain(
        `${output} is there already`,
      );
    });
  });

  it('writes over no file', async () => {
    await withDatabase('basic-7.8', [], async (dir) => {
      const output = join(dir, '..', 'all.ndjson');
      expect((await kvdoctor(`export ${dir} --output ${output}`)).status).toBe(0);
      expect((await kvdoctor(`export ${dir} --output ${output}`)).status).toBe(2);
    });
  });

  it('says how far it is', async () => {
    await withDatabase('blob-7.8', [], async (dir) => {
      const seen: { done: number; total: number }[] = [];
      const sink = new NdjsonSink(async () => {});
      await exportEntries(await readDatabase(dir), sink, { onProgress: (progress) => seen.push(progress) });
      expect(seen.length).toBeGreaterThan(1);
      const { done, total } = seen.at(-1)!;
      expect(done / total).toBeGreaterThan(0.7);
      expect(seen.every((each, i) => i === 0 || each.done >= seen[i - 1].done)).toBe(true);
    });
  });

  const cases = damageCases().filter(
    ({ name, target }) => /^(sst|manifest|wal)\/[a-f]/.test(name) && target === '.',
  );
  it.each(cases.map((c) => [c.name, c] as const))('goes on past %s', async (_, c) => {
    await withDatabase(c.base, c.patches, async (dir) => {
      const output = join(dir, '..', 'new');
      await exported(dir, output, true);
      const { findings } = await scanTarget(output, { jobs: 1 }, {});
      expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]);
    });
  });
});

describe('an export that leaves anything out', () => {
  it.each([
    [
      'records after damage in a WAL',
      'flip 000019.log 0x7c.5',
      /recovery in point-in-time mode gives up \d+ records with/,
    ],
    ['a block', 'zero 000014.sst 0x20 64', /000014\.sst at/],
    ['a table', 'remove 000014.sst', /WALs are left out/],
  ])('exits 1 and says so: %s', (_, patch, words) =>
    withDatabase('basic-7.8', [patch], async (dir) => {
      const { status, err } = await kvdoctor(`export ${dir}`);
      expect(status).toBe(1);
      expect(err).toMatch(words);
    }),
  );
});
