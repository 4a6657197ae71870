import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { kvdoctor } from '../cli/host.js';
import { withTemporaryDirectory } from '../support/files.js';
import { inRepository } from '../support/repository.js';

const corpus = inRepository('..', 'shared', 'corpus', 'real');
const archives = existsSync(corpus)
  ? readdirSync(corpus).filter((name) => /^kvrocks-race-\d+\.tar\.gz$/.test(name))
  : [];
if (archives.length === 0)
  console.log('skipped: databases of real servers, which are not beside the repository');

/** Races that the files tell nothing of: the mixed batch did not reach them. */
const SILENT = ['kvrocks-race-1.tar.gz', 'kvrocks-race-3.tar.gz'];

describe.skipIf(archives.length === 0)('the log of a real server that ran into the shared batch', () => {
  it.each(archives)('%s names the incident, and the files bear it out where they can', async (name) => {
    await withTemporaryDirectory(async (dir) => {
      execFileSync('tar', ['-xzf', path.join(corpus, name), '-C', dir]);
      const found = readdirSync(dir, { recursive: true, encoding: 'utf8' });
      const log = path.join(dir, found.find((file) => path.basename(file) === 'kvrocks.INFO')!);
      const database = path.join(path.dirname(log), 'db');
      const { out } = await kvdoctor(`triage --format json --dir ${database} ${log}`);
      expect(JSON.parse(out).incidents).toMatchObject([
        {
          id: 'kvrocks-shared-batch',
          verified: { verdict: SILENT.includes(name) ? 'open' : 'borne-out' },
        },
      ]);
    });
  });
});
