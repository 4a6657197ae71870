import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { withoutRun } from '../../src/diagnose/alteration.js';
import { insertedRun } from '../../src/diagnose/inserted-log.js';
import { dialectNamed } from '../../src/format/dialect.js';
import { kvdoctor } from '../cli/host.js';
import { withDatabase } from '../support/database.js';
import { inRepository } from '../support/repository.js';

const { wal, manifest } = dialectNamed();
const bytesOf = (file: string) => Uint8Array.from(readFileSync(inRepository('fixtures', file)));

const put = (bytes: Uint8Array, at: number, run: Uint8Array) =>
  Uint8Array.from([...bytes.subarray(0, at), ...run, ...bytes.subarray(at)]);

describe('a run that was put into a log', () => {
  const log = bytesOf('basic-7.8/000017.log');
  const edits = bytesOf('basic-7.8/MANIFEST-000005');

  it.each([
    ['a header', log, 3, wal],
    ['a payload', log, 2000, wal],
    ['the last record', log, 5000, wal],
    ['an edit', edits, 300, manifest.log],
  ] as const)('in %s is found, whatever it holds', (_, bytes, at, dialect) => {
    // zeros, one byte, and a part of the log itself in which no record stands whole
    for (const run of [new Uint8Array(4096), Uint8Array.of(0x41), bytes.slice(100, 180)]) {
      const found = insertedRun(put(bytes, at, run), dialect);
      expect(found).toBeDefined();
      expect(Buffer.from(withoutRun(put(bytes, at, run), found!)).equals(bytes)).toBe(true);
    }
  });

  it('is not seen in a log that is whole, nor where bytes were overwritten or taken out', () => {
    expect(insertedRun(log, wal)).toBeUndefined();
    const over = log.slice();
    over.fill(0x41, 2060, 2070);
    expect(insertedRun(over, wal)).toBeUndefined();
    // a whole record: what it held cannot be told from a run between records
    over.set(log);
    over.fill(0x41, 2047, 2157);
    expect(insertedRun(over, wal)).toBeUndefined();
    // nor where the noise begins like the record after it
    over[2047] = over[2157];
    expect(insertedRun(over, wal)).toBeUndefined();
    expect(insertedRun(withoutRun(log, { offset: 2060, length: 10 }), wal)).toBeUndefined();
  });

  it.each([
    ['000017.log', 0x130, 'wal/shifted'],
    ['MANIFEST-000005', 300, 'manifest/checksum-mismatch'],
  ])('is taken out of %s by healing', async (file, at, rule) => {
    await withDatabase('basic-7.8', [`insert ${file} ${at} ${'41'.repeat(300)}`], async (dir) => {
      const scanned = await kvdoctor(`scan ${dir}`);
      expect(scanned.status).toBe(1);
      expect(scanned.out).toContain(rule);
      expect((await kvdoctor(`repair --strategy heal --in-place --yes ${dir}`)).status).toBe(0);
      const healed = readFileSync(path.join(dir, file));
      expect(healed.equals(readFileSync(inRepository('fixtures/basic-7.8', file)))).toBe(true);
    });
  });
});
