import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { crc32c } from '../../src/bytes/crc32c.js';
import type { Report } from '../../src/report/report.js';
import { kvdoctor } from '../support/cli.js';
import { writeManyTables } from '../support/many-tables.js';
import { inRepository } from '../support/repository.js';

const folder = mkdtempSync(join(tmpdir(), 'kvdoctor-test-'));
afterAll(() => rmSync(folder, { recursive: true }));
const backup = join(folder, 'backup');

/** Makes a BackupEngine directory of one backup out of a database, as the engine's shared_checksum naming has it. */
function intoBackup(db: string): void {
  for (const name of ['meta', 'private/1', 'shared_checksum'])
    mkdirSync(join(backup, name), { recursive: true });
  const lines = readdirSync(db)
    .filter((name) => name !== 'IDENTITY')
    .map((name) => {
      const bytes = readFileSync(join(db, name));
      const crc = crc32c(bytes);
      const shared = `shared_checksum/${name.replace('.sst', `_${crc}_${bytes.length}.sst`)}`;
      const path = name.endsWith('.sst') ? shared : `private/1/${name}`;
      renameSync(join(db, name), join(backup, path));
      return `${path} crc32 ${crc}`;
    });
  writeFileSync(join(backup, 'meta/1'), `1795303286\n1010000\n${lines.length}\n${lines.join('\n')}\n`);
}

describe('a backup of 1,000 files', () => {
  const json = (name: string) => join(folder, `${name}.json`);
  const scan = async (
    name: string,
    ...options: string[]
  ): Promise<Report & { status: number | null; read: number }> => {
    const { status } = await kvdoctor(['scan', backup, '--format', `json=${json(name)}`, '-q', ...options]);
    const report: Report = JSON.parse(readFileSync(json(name), 'utf8'));
    // metadata is read by every scan: it counts as well
    const small = ['meta/1', 'private/1/MANIFEST-000006', 'private/1/CURRENT'];
    const metadata = small.reduce((sum, each) => sum + statSync(join(backup, each)).size, 0);
    return { ...report, status, read: report.summary.bytesRead + metadata };
  };

  beforeAll(async () => {
    await writeManyTables(join(folder, 'db'), 1000);
    copyFileSync(
      inRepository('fixtures/backup-7.8/private/1/OPTIONS-000007'),
      join(folder, 'db/OPTIONS-000008'),
    );
    intoBackup(join(folder, 'db'));
  });

  it('is read to less than 1 % the second time, and says what it took on trust', async () => {
    const first = await scan('first');
    const wrong = first.targets[0].findings.filter(({ severity }) => severity !== 'note');
    expect(wrong.slice(0, 3).map(({ rule, file, message }) => `${rule} ${file}: ${message}`)).toEqual([]);
    const second = await scan('second', '--since', json('first'));
    expect([second.status, second.verdict, second.summary.trusted?.files]).toEqual([0, 'clean', 1000]);
    expect(second.read / second.summary.bytes).toBeLessThan(0.01);
  });
});
