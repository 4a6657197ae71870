import { describe, expect, it } from 'vitest';
import { jsonReporter } from '../../src/report/json.js';
import { redact } from '../../src/report/redact.js';
import type { Report, UnitReport } from '../../src/report/report.js';
import { checksumMismatch, report, target } from './sample.js';
import { expectValid, isValid } from './schema.js';

const json = (of: Report) => [...jsonReporter().render(of)].join('');

const expectReport = (of: Report) => expectValid(JSON.parse(json(of)));

describe('the JSON report', () => {
  it('is the report, word for word', () => {
    expect(JSON.parse(json(report()))).toEqual(report());
    expect(JSON.parse(json({ ...report(), targets: [] }))).toEqual({ ...report(), targets: [] });
    expect(JSON.parse(json(report(target(), target({ findings: [] }))))).toEqual(
      report(target(), target({ findings: [] })),
    );
  });

  it('has one finding and one file a line, for grep and diff', () => {
    const lines = json(report()).split('\n');
    expect(lines.filter((line) => line.includes('"rule":"wal/checksum-mismatch"'))).toHaveLength(1);
    expect(lines.filter((line) => line.includes('"path":"000018.sst"'))).toHaveLength(1);
  });

  it('writes 64-bit numbers as decimal strings and raw bytes as base64', () => {
    const units = [
      {
        kind: 'table' as const,
        file: '000018.sst',
        number: 18n,
        size: 1,
        readable: true,
        dataBlocks: 1,
        entries: 2n ** 60n,
        smallest: Uint8Array.of(1, 2, 255),
        blobReferences: [],
      },
    ];
    const [unit] = JSON.parse(json(report(target({ units: units as unknown as UnitReport[] })))).targets[0]
      .units;
    expect(unit).toMatchObject({
      number: '18',
      entries: '1152921504606846976',
      smallest: { base64: 'AQL/' },
    });
  });

  it('streams: no piece is larger than its largest finding or file', () => {
    const findings = Array.from({ length: 5000 }, () => checksumMismatch);
    const pieces = [...jsonReporter().render(report(target({ findings })))];
    expect(Math.max(...pieces.map((piece) => piece.length))).toBeLessThan(4000);
  });
});

describe('report.schema.json', () => {
  it('accepts what the tool writes, redacted or not', () => {
    expectReport(report());
    expectReport(
      report(
        target(),
        target({ kind: 'file', findings: [], files: [], unchecked: [{ file: '.', reason: 'x' }] }),
      ),
    );
    for (const redaction of ['values', 'keys'] as const) expectReport(redact(report(), redaction));
  });

  it('accepts fields that a later version adds', () => {
    const later = { ...report(), somethingNew: 1 };
    expect(isValid(JSON.parse(JSON.stringify(later)))).toBe(true);
  });

  it.each([
    ['another schema version', { ...report(), schemaVersion: 2 }],
    ['a verdict that does not exist', { ...report(), verdict: 'fine' }],
    ['no targets', { ...report(), targets: undefined }],
    [
      'a finding without a severity',
      report(target({ findings: [{ ...checksumMismatch, severity: undefined as never }] })),
    ],
    ['a negative offset', report(target({ findings: [{ ...checksumMismatch, offset: -1 }] }))],
    [
      'a bit that no byte has',
      report(
        target({
          findings: [
            { ...checksumMismatch, cause: { ...checksumMismatch.cause!, changes: [{ offset: 1, bit: 8 }] } },
          ],
        }),
      ),
    ],
  ])('refuses %s', (_, wrong) => {
    expect(isValid(JSON.parse(JSON.stringify(wrong)))).toBe(false);
  });
});
