import { readFileSync } from 'node:fs';
import { hexWindow } from '../../src/bytes/hexdump.js';
import type { RuleId } from '../../src/finding/catalog.js';
import { keyBytes } from '../../src/finding/evidence.js';
import type { Finding } from '../../src/finding/finding.js';
import type { FileReport, Report, TargetReport } from '../../src/report/report.js';
import { plainPalette, type RenderSettings } from '../../src/report/reporter.js';
import { buildReport } from '../../src/report/summary.js';

/** A rule by its id, whether the catalogue has it or not: what outputs do does not depend on which rules there are. */
export const rule = (id: string) => id as RuleId;

export const settings = (changes: Partial<RenderSettings> = {}): RenderSettings => ({
  width: 80,
  palette: plainPalette,
  verbose: false,
  quiet: false,
  ...changes,
});

/** A finding with all its parts. */
export const checksumMismatch: Finding = {
  rule: rule('wal/checksum-mismatch'),
  severity: 'error',
  file: '000021.log',
  offset: 0x7a3a,
  length: 412,
  message: 'The record does not match its checksum.',
  evidence: {
    stored: '0x5b1c22d0',
    computed: '0x1f0e91aa',
    record: {
      hex: hexWindow(Buffer.from('00000000000000000000d0221c5b9501', 'hex'), {
        base: 0x7a30,
        marks: [{ offset: 0x7a3a, length: 412 }],
      }),
    },
    proof: '3 valid batches, sequences 91847–91863, follow: damage, not a crash tail',
  },
  cause: {
    kind: 'bit-flip',
    certainty: 'proven',
    detail: 'one flipped bit, 0x7ac1 bit 5',
    basis: 'CRC syndrome; the batch decodes when it is flipped back',
    changes: [{ offset: 0x7ac1, bit: 5 }],
  },
  impact: { summary: 'batch 91841–91846: 6 writes to column families default, meta' },
  next: 'kvdoctor repair --mode point-in-time --dry-run .',
};

export const files: FileReport[] = [
  { path: 'CURRENT', kind: 'current', size: 16, status: 'clean', use: 'live' },
  { path: 'MANIFEST-000004', kind: 'manifest', size: 3120, status: 'clean', use: 'live', entries: 41 },
  { path: 'OPTIONS-000007', kind: 'options', size: 6311, status: 'clean', use: 'live' },
  {
    path: '000021.log',
    kind: 'wal',
    size: 1_263_104,
    status: 'damaged',
    use: 'live',
    entries: 4512,
    sequences: { first: '90001', last: '94603' },
  },
  {
    path: '000018.sst',
    kind: 'table',
    size: 67_108_864,
    status: 'clean',
    use: 'live',
    columnFamily: 'default',
    level: 1,
    entries: 812_331,
    sequences: { first: '1', last: '90000' },
  },
  {
    path: '000011.sst',
    kind: 'table',
    size: 0,
    status: 'missing',
    use: 'live',
    columnFamily: 'meta',
    level: 0,
  },
  { path: 'LOG', kind: 'log', size: 20_113, status: 'ignored' },
];

export const missingTable: Finding = {
  rule: rule('directory/missing-table'),
  severity: 'error',
  file: '000011.sst',
  message: 'The MANIFEST names this table and it is not there.',
  evidence: {
    level: 0,
    columnFamily: 'meta',
    smallest: keyBytes(Buffer.from('user:1')),
    largest: keyBytes(Buffer.from([0x75, 0x00, 0xff])),
  },
};

export const obsolete: Finding = {
  rule: rule('directory/stale-temporary'),
  severity: 'note',
  file: '000031.dbtmp',
  message: 'A temporary file that a killed process left behind.',
  evidence: {},
};

export const target = (changes: Partial<TargetReport> = {}): TargetReport => ({
  path: '/data/db',
  kind: 'database',
  engine: { name: 'rocksdb', version: '9.3.1', versionFrom: 'OPTIONS-000007' },
  application: { name: 'Kvrocks', version: '2.10' },
  options: { file: 'OPTIONS-000007', walRecoveryMode: 'point-in-time' },
  columnFamilies: [
    { id: 0, name: 'default', comparator: 'leveldb.BytewiseComparator', tables: 1, tableBytes: 67_108_864 },
    { id: 1, name: 'meta', comparator: 'leveldb.BytewiseComparator', tables: 1, tableBytes: 0 },
  ],
  files,
  findings: [checksumMismatch, missingTable, obsolete],
  unchecked: [],
  bytesRead: 68_400_000,
  ...changes,
});

export const report = (...targets: TargetReport[]): Report =>
  buildReport(targets.length > 0 ? targets : [target()], {
    depth: 'full',
    startedAt: new Date('2026-01-02T03:04:05Z'),
    milliseconds: 812,
  });

export const golden = (name: string) => readFileSync(new URL(`./golden/${name}`, import.meta.url), 'utf8');
