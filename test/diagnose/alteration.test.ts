import fc from 'fast-check';
import { beforeAll, describe, expect, it, test } from 'vitest';
import { checkTable } from '../../src/check/sst/table.js';
import { findAlteration } from '../../src/diagnose/alteration.js';
import { changeShown, undoLineEndings } from '../../src/diagnose/line-endings.js';
import { logBefore } from '../../src/diagnose/line-endings-records.js';
import { tableBefore } from '../../src/diagnose/line-endings-table.js';
import { diagnoseManifest } from '../../src/diagnose/manifest.js';
import { findShift } from '../../src/diagnose/shifted-table.js';
import { PropertyList } from '../../src/encode/sst/properties.js';
import { TableWriter } from '../../src/encode/sst/table-writer.js';
import type { RuleId } from '../../src/finding/catalog.js';
import type { Finding } from '../../src/finding/finding.js';
import { dialectNamed } from '../../src/format/dialect.js';
import { replayManifest } from '../../src/format/manifest/replay.js';
import { comparatorNamed } from '../../src/format/sst/comparator.js';
import { internalKey, VALUE_TYPE } from '../../src/format/sst/internal-key.js';
import { openSource } from '../../src/io/source.js';
import { fixture } from '../support/files.js';

beforeAll(async () => {});

const source = (bytes: Uint8Array) => openSource({ kind: 'memory', bytes });
const context = { dialect: 'rocksdb', file: 'x.sst', depth: 'full' } as const;

/** Format versions with and without context checksums; LevelDB's form. */
const tables = [
  ['basic-7.8', '000015.sst'],
  ['format-7-11.9', '000011.sst'],
  ['formats-7.8', '000089.sst'],
] as const;

const tableOf = ([base, name]: readonly [string, string]) => fixture(base).get(name)!;

function insert(bytes: Uint8Array, at: number, run: Uint8Array): Uint8Array {
  return Buffer.concat([bytes.subarray(0, at), run, bytes.subarray(at)]);
}

describe.each(tables)('bytes in %s/%s', (...table) => {
  test('that were put in are found, wherever they are, and what is left without them is the table', async () => {
    const bytes = tableOf(table);
    const runs = fc.uint8Array({ minLength: 1, maxLength: 200 });
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 54), runs, async (at, run) => {
        const damaged = insert(bytes, at, run);
        const shift = await findShift(await source(damaged));
        expect(shift?.by).toBe(run.length);
        if (shift?.exact !== true) return expect(shift?.at).toBeLessThanOrEqual(at);
        const { at: from, length } = shift;
        const without = Buffer.concat([damaged.subarray(0, from), damaged.subarray(from + length)]);
        expect(without.equals(bytes)).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  test('that are missing are counted, and nothing is claimed to be proven', async () => {
    const bytes = tableOf(table);
    const unit = { kind: 'table', context } as const;
    await fc.assert(
      fc.asyncProperty(fc.nat(400), fc.integer({ min: 1, max: 60 }), async (at, length) => {
        const damaged = await source(Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]));
        const altered = await findAlteration(damaged, unit, await checkTable(damaged, context));
        if (altered === undefined) return;
        altered.place(altered.result);
        const [{ rule, evidence, cause }] = altered.result.findings;
        expect([rule, evidence.bytes]).toEqual(['sst/shifted', -length]);
        expect(altered.result.findings.every((finding) => finding.cause?.restores !== true)).toBe(true);
        expect(cause?.kind).toBe('removed-bytes');
      }),
      { numRuns: 20 },
    );
  });

  test('that were written over are not taken for moved', async () => {
    const bytes = tableOf(table);
    const unit = { kind: 'table', context } as const;
    const noise = fc.uint8Array({ minLength: 1, maxLength: 600 });
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 601), noise, async (at, run) => {
        const damaged = Uint8Array.from(bytes);
        damaged.set(run, at);
        const file = await source(damaged);
        expect(await findAlteration(file, unit, await checkTable(file, context))).toBeUndefined();
      }),
      { numRuns: 40 },
    );
  });
});

/** A table whose values hold ends of lines of both kinds, at most a few CR LF in a block. */
function tableOfText(protectedTable: boolean): Uint8Array {
  const writer = new TableWriter({
    formatVersion: protectedTable ? 6 : 5,
    checksumType: protectedTable ? 4 : 1,
    baseContext: protectedTable ? 0x5eed1234 : 0,
    comparator: comparatorNamed(),
    filter: true,
  });
  for (let i = 0; i < 900; i++) {
    const ending = i % 61 === 7 ? '\r\n' : '\n';
    const value = Buffer.from(`line ${i}${ending}and ${'x'.repeat(i % 40)}${i % 3 === 0 ? '\n' : ''}`);
    writer.add(
      internalKey(Buffer.from(`key${String(i).padStart(5, '0')}`), BigInt(i + 1), VALUE_TYPE.put),
      value,
    );
  }
  writer.finish(
    new PropertyList()
      .text('comparator', 'leveldb.BytewiseComparator')
      .text('compression', 'NoCompression')
      .number('column.family.id', 0)
      .text('column.family.name', 'default'),
  );
  return Buffer.concat(
    writer.take().map((piece) => (piece.from === 'bytes' ? piece.bytes : new Uint8Array(0))),
  );
}

describe('line endings of a table with CR LF of its own', () => {
  it.each([false, true])('are told apart by the checksums (context checksums: %s)', async (isProtected) => {
    const bytes = tableOfText(isProtected);
    const text = Buffer.from(bytes).toString('latin1');
    const own = text.match(/\r\n/g)!.length;
    expect(own).toBeGreaterThan(10);
    // git leaves the CR LF that are there alone; a stream in text mode does not, and then there is nothing to tell apart
    for (const [changed, exceptions] of [
      [text.replace(/(?<!\r)\n/g, '\r\n'), own],
      [text.replace(/\n/g, '\r\n'), 0],
    ] as const) {
      const damaged = Buffer.from(changed, 'latin1');
      const before = await tableBefore(damaged, 'lf-to-crlf');
      expect(before?.endings.exceptions).toHaveLength(exceptions);
      expect(Buffer.from(undoLineEndings(damaged, before!.endings)).equals(bytes)).toBe(true);
    }
    const damaged = Buffer.from(text.replace(/\r\n/g, '\n'), 'latin1');
    const before = await tableBefore(damaged, 'crlf-to-lf');
    expect(before?.endings.exceptions).toHaveLength(own);
    expect(Buffer.from(undoLineEndings(damaged, before!.endings)).equals(bytes)).toBe(true);
  });

  it('are not guessed when one byte besides is wrong', async () => {
    const text = Buffer.from(tableOfText(false)).toString('latin1');
    const damaged = Buffer.from(text.replace(/(?<!\r)\n/g, '\r\n'), 'latin1');
    damaged[1000] ^= 0x11;
    expect(await tableBefore(damaged, 'lf-to-crlf')).toBeUndefined();
  });
});

describe('a log that misses nothing', () => {
  it('is no log whose CR LF became LF', () => {
    const bytes = fixture('basic-7.8').get('MANIFEST-000005')!;
    expect(changeShown(bytes)).toBe('crlf-to-lf');
    const before = logBefore(bytes, 'crlf-to-lf', dialectNamed('leveldb').wal);
    expect(before?.bytes).toHaveLength(bytes.length);
  });

  it.each(['manifest/wrong-table-size', 'manifest/table-bounds'])('keeps the cause of %s', async (rule) => {
    const bytes = fixture('basic-7.8').get('MANIFEST-000005')!;
    const finding: Finding = {
      rule: rule as RuleId,
      severity: 'error',
      file: 'M',
      message: '',
      evidence: {},
    };
    await diagnoseManifest(await source(bytes), [finding], await replayManifest(await source(bytes)));
    expect(finding.cause).toBeUndefined();
  });
});
