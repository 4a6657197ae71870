import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { corpus, corpusCases, unpack } from '../corpus/corpus.js';
import { withDatabase } from '../support/database.js';
import { withTemporaryDirectory } from '../support/files.js';
import { inRepository } from '../support/repository.js';
import { kvdoctor } from './host.js';

/*
 * A scan and a simulation judge one directory alike: both end with 0, or both with another status. What a WAL that is gone costs is
 * where they could differ, as one looks at files and the other at what an open would give.
 */

async function statuses(
  dir: string,
  options = '',
): Promise<{ scan: number; simulate: number; said: string }> {
  const [scan, simulate] = [
    await kvdoctor(`scan ${dir} ${options}`),
    await kvdoctor(`simulate ${dir} ${options}`),
  ];
  return { scan: scan.status, simulate: simulate.status, said: scan.out + simulate.out };
}

async function expectAgreement(dir: string): Promise<void> {
  const { scan, simulate, said } = await statuses(dir);
  expect(simulate, said).toBe(scan);
}

describe('a WAL that is gone', () => {
  it('and sequences that nothing holds: an error, and not whole', async () => {
    await withDatabase('basic-7.8', ['remove 000017.log'], async (dir) => {
      const { scan, simulate, said } = await statuses(dir);
      expect({ scan, simulate }).toEqual({ scan: 1, simulate: 1 });
      expect(said).toMatch(
        /error directory\/removed-wal +000017.log[\s\S]*nothing holds\s+sequences \d+ to \d+/,
      );
      expect(said).toMatch(/Not whole: [\s\S]*gone or cut short:\s+000017.log;\s+nothing\s+holds/);
    });
  });

  it('and sequences that run on over it: a warning, and opens', async () => {
    await withTemporaryDirectory(async (parent) => {
      const dir = unpackedField(parent, 'backup-copy-without-newest-wal-s1');
      const { scan, simulate, said } = await statuses(dir);
      expect({ scan, simulate }).toEqual({ scan: 0, simulate: 0 });
      expect(said).toContain('warning directory/removed-wal');
      expect(said).toMatch(/Opens: [\s\S]*000014.log is gone, and\s+may have\s+held writes/);
      const exported = await kvdoctor(`export ${dir}`);
      expect(exported.status).toBe(0);
      expect(exported.err).toContain('000014.log is gone, and may have held writes');
    });
  });

  it('that may have been the empty newest: a warning, and opens', async () => {
    await withDatabase('basic-7.8', ['remove 000019.log'], async (dir) => {
      expect(await statuses(dir)).toMatchObject({ scan: 0, simulate: 0 });
    });
  });
});

const directories = (where: string) =>
  existsSync(where) ? readdirSync(where).filter((name) => name.endsWith('.tar.gz')) : [];
const shared = inRepository('..', 'shared', 'field');
const shipped = inRepository('fixtures', 'field');
const moments = inRepository('fixtures', 'states');

function unpackedField(parent: string, name: string, from = shipped): string {
  execFileSync('tar', ['-xzf', path.join(from, `${name}.tar.gz`), '-C', parent]);
  const dir = path.join(parent, name);
  // a file system that was exported whole has the database in a directory of its own
  const inner = path.join(dir, 'db');
  return existsSync(path.join(inner, 'CURRENT')) ? inner : dir;
}

const isDatabase = (dir: string) => readdirSync(dir).some((name) => /^(MANIFEST-|CURRENT$)/.test(name));

describe('scan and simulate agree on directories of the field', () => {
  if (!existsSync(shared))
    console.log('skipped: the larger directories of the field are not beside the repository');
  const all = [shipped, moments, shared].flatMap((from) =>
    directories(from).map((file) => ({ from, name: file.slice(0, -'.tar.gz'.length) })),
  );
  const once = all.filter(({ name }, i) => all.findIndex((other) => other.name === name) === i);
  it.each(once)(
    '$name',
    async ({ from, name }) => {
      await withTemporaryDirectory(async (parent) => {
        const dir = unpackedField(parent, name, from);
        // a backup directory is not opened as it is
        if (isDatabase(dir)) await expectAgreement(dir);
      });
    },
    60_000,
  );
});

const hasCorpus = existsSync(path.join(corpus, 'cases.jsonl'));
if (!hasCorpus) console.log('skipped: the damage corpus is not beside the repository');

describe.skipIf(!hasCorpus)('scan and simulate agree on removed WALs of the corpus', () => {
  const removed = hasCorpus ? corpusCases().filter(({ cls }) => cls === 'missing-wal') : [];
  it.each(removed.map((each) => each.case))(
    '%s',
    async (name) => {
      await withTemporaryDirectory(async (parent) => {
        const dir = path.join(parent, name);
        unpack(name, dir);
        await expectAgreement(dir);
      });
    },
    60_000,
  );

  const tracked = hasCorpus
    ? corpusCases().filter(
        ({ base, cls }) => base === 'r78-wal-mani' && /missing-wal|emptied|boundary/.test(cls),
      )
    : [];
  it.each(tracked.map((each) => each.case))(
    '%s, where the engine does not insist on it',
    async (name) => {
      await withTemporaryDirectory(async (parent) => {
        const dir = path.join(parent, name);
        unpack(name, dir);
        for (const file of readdirSync(dir).filter((each) => each.startsWith('OPTIONS'))) {
          const text = readFileSync(path.join(dir, file), 'utf8');
          writeFileSync(
            path.join(dir, file),
            text.replace(/(track_and_verify_wals_in_manifest)=true/, '$1=false'),
          );
        }
        await expectAgreement(dir);
      });
    },
    60_000,
  );
});
