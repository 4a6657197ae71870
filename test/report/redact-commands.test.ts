import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { fakeHost, kvdoctor } from '../cli/host.js';
import { withDatabase } from '../support/database.js';
import { expectValid } from './schema.js';

/*
 * With --redact keys no key of the database is in any output of any command, in any spelling.
 */

const damages: [fixture: string, patches: string[]][] = [
  ['basic-7.8', ['write 000016.sst 0x40 000000', 'write 000018.sst 0x40 000000']],
  ['basic-7.8', ['flip 000019.log 0x60.3']],
  ['basic-7.8', ['flip 000016.sst 0x80.1']],
  ['basic-7.8', ['truncate 000016.sst 0x800']],
  ['blob-7.8', ['write 000010.blob 0x60 000000', 'write 000013.blob 0x60 000000']],
  ['blob-7.8', ['remove 000010.blob']],
  ['basic-7.8', ['remove 000016.sst', 'zero MANIFEST-000005 0x0 4096']],
  ['basic-7.8', ['remove 000016.sst', 'remove 000017.log']],
];

const ways = [
  'repair --dry-run --strategy tables',
  'repair --dry-run --strategy tables --on-lost-tombstones refuse',
  'repair --dry-run --strategy auto',
  'repair --dry-run --strategy heal',
  'repair --dry-run --strategy salvage',
  'repair --dry-run --mode point-in-time',
  'scan',
  'simulate',
];

/** Every key of a fixture that is long enough to be known again, in the spellings that a leak may have. */
async function spellings(fixture: string): Promise<string[]> {
  const { out } = await kvdoctor(`export fixtures/${fixture}`);
  const keys = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line).key.base64 as string)
    .filter((base64) => Buffer.from(base64, 'base64').length >= 5);
  return [...new Set(keys)].flatMap((base64) => {
    const key = Buffer.from(base64, 'base64');
    return [key.toString('latin1'), key.toString('hex'), base64.replace(/=+$/, '').slice(0, -1)];
  });
}

describe.each(damages)('%s with %j', (fixture, patches) => {
  it.each(ways)('%s tells no key', (way) =>
    withDatabase(fixture, patches, async (db) => {
      const formats = ['json', 'ndjson', 'markdown', 'html', 'sarif', 'junit'];
      const outputs = formats.filter((format) => way === 'scan' || ['json', 'ndjson'].includes(format));
      const named = outputs.map((format) => ` --format ${format}=${path.join(db, '..', format)}`).join('');
      const { out, err } = await kvdoctor(`${way} --redact keys -v --format text${named} ${db}`);
      const written = outputs.map((format) => readFileSync(path.join(db, '..', format), 'utf8'));
      if (outputs.includes('json')) expectValid(JSON.parse(written[outputs.indexOf('json')]));
      const all = [out, err, ...written].join('\n');
      const leaks = (await spellings(fixture)).filter((each) => all.includes(each));
      expect(leaks).toEqual([]);
    }),
  );
});

it('shows the keys that are lost without it', () =>
  withDatabase(damages[0][0], damages[0][1], async (db) => {
    const { out } = await kvdoctor(`repair --dry-run --strategy tables ${db}`);
    expect(out).toMatch(/entries of column family \w+, in one range of keys/);
    expect(out).toMatch(/^ {4}keys "\S+" to "\S+"/m);
  }));

it('asks on a terminal without the keys, too', () =>
  withDatabase(damages[0][0], damages[0][1], async (db) => {
    const host = fakeHost({ terminal: true, answer: 'n', env: { NO_COLOR: '1' } });
    const { err } = await kvdoctor(`repair --strategy tables --redact keys --no-progress ${db}`, host);
    expect(err).toContain('Carry it out');
    const leaks = (await spellings(damages[0][0])).filter((each) => err.includes(each));
    expect(leaks).toEqual([]);
  }));
