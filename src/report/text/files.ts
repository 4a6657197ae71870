import type { Finding } from '../../finding/finding.js';
import { byteSize, counted, grouped } from '../../finding/quantity.js';
import { printable } from '../printable.js';
import type { FileKind, FileReport, FileStatus, TargetReport } from '../report.js';
import type { RenderSettings } from '../reporter.js';
import { textColumns } from './columns.js';
import { fileOf } from './finding.js';
import { groupedBy } from './group.js';
import { elided } from './layout.js';
import { GAP, plainTable, rendered } from './table.js';

/** With more files than this only those that are not clean are listed, and totals per kind. */
const SMALL = 24;
/** Rows of a table, at most. */
const ROWS = 40;
const ROWS_VERBOSE = 1000;

/** From here on a line has room for what the narrow table leaves out. */
const WIDE = 120;

const kindNames: Record<FileKind, [one: string, many: string]> = {
  wal: ['WAL', 'WALs'],
  table: ['table', 'tables'],
  blob: ['blob file', 'blob files'],
  manifest: ['MANIFEST', 'MANIFESTs'],
  current: ['CURRENT', 'CURRENT'],
  identity: ['IDENTITY', 'IDENTITY'],
  options: ['OPTIONS', 'OPTIONS'],
  log: ['server log', 'server logs'],
  lock: ['LOCK', 'LOCK'],
  'backup-meta': ['backup meta', 'backup metas'],
  temporary: ['temporary', 'temporary'],
  directory: ['directory', 'directories'],
  other: ['other', 'other'],
};

function statusPaint(status: FileStatus, { palette }: RenderSettings): (text: string) => string {
  if (status === 'damaged' || status === 'missing') return palette.error;
  if (status === 'suspicious' || status === 'unchecked') return palette.warning;
  return status === 'clean' ? palette.good : palette.dim;
}

function statusText(file: FileReport, findings: readonly Finding[], settings: RenderSettings): string {
  const counts = (['error', 'warning'] as const)
    .map((severity) => ({ severity, count: findings.filter((f) => f.severity === severity).length }))
    .filter(({ count }) => count > 0)
    .map(({ severity, count }) => counted(count, severity));
  const use = file.use === 'obsolete' || file.use === 'archived' ? [file.use] : [];
  const [first, ...rest] = [file.status, ...use, ...(file.status === 'missing' ? [] : counts)];
  return [statusPaint(file.status, settings)(first), ...rest].join(', ');
}

function fileRow(file: FileReport, findings: readonly Finding[], settings: RenderSettings): string[] {
  const sequences = file.sequences ? `${file.sequences.first}–${file.sequences.last}` : '';
  const level = file.level === undefined ? '' : ` L${file.level}`;
  const family = file.columnFamily === undefined ? '' : elided(printable(file.columnFamily), 24) + level;
  return [
    fileOf({ file: file.path, root: file.root }),
    kindNames[file.kind][0],
    file.status === 'missing' ? '' : byteSize(file.size),
    file.entries === undefined ? '' : grouped(file.entries),
    ...(settings.width >= WIDE ? [sequences, family] : []),
    statusText(file, findings, settings),
  ];
}

function fileTable(files: readonly FileReport[], target: TargetReport, settings: RenderSettings): string {
  const wide = settings.width >= WIDE;
  const head = ['file', 'kind', 'size', 'entries', ...(wide ? ['sequences', 'column family'] : []), 'status'];
  const aligns = [
    'left',
    'left',
    'right',
    'right',
    ...(wide ? (['left', 'left'] as const) : []),
    'left',
  ] as const;
  const byFile = groupedBy(target.findings, fileOf);
  const rows = files.map((file) => {
    return fileRow(file, byFile.get(fileOf({ file: file.path, root: file.root })) ?? [], settings);
  });
  // long paths are cut so that the status, which is what a reader looks for, stays on the line
  const others = head
    .slice(1)
    .map((title, i) =>
      Math.max(...[title, ...rows.map((row) => row[i + 1])].map((cell) => textColumns(cell))),
    );
  const room = settings.width - others.reduce((sum, columns) => sum + columns + GAP, GAP);
  const table = plainTable(head, [...aligns], settings);
  for (const [name, ...rest] of rows) table.push([elided(name, Math.max(16, room)), ...rest]);
  return rendered(table);
}

function totalsTable(files: readonly FileReport[], settings: RenderSettings): string {
  const columns: FileStatus[] = (
    ['damaged', 'missing', 'suspicious', 'unchecked', 'skipped', 'trusted', 'clean'] as const
  ).filter((status) => files.some((file) => file.status === status));
  const table = plainTable(
    ['kind', 'files', 'size', ...columns],
    ['left', ...columns.map(() => 'right' as const), 'right', 'right'],
    settings,
  );
  for (const kind of Object.keys(kindNames) as FileKind[]) {
    const ofKind = files.filter((file) => file.kind === kind);
    if (ofKind.length === 0) continue;
    const counts = columns.map((status) => {
      const count = ofKind.filter((file) => file.status === status).length;
      return count === 0 ? '' : statusPaint(status, settings)(grouped(count));
    });
    const size = ofKind.reduce((sum, file) => sum + file.size, 0);
    table.push([
      kindNames[kind][ofKind.length === 1 ? 0 : 1],
      grouped(ofKind.length),
      byteSize(size),
      ...counts,
    ]);
  }
  return rendered(table);
}

/**
 * The files of a target: each of them where they are few; else those that are not clean, and totals for each kind. In a scan
 * that was interrupted, files that it did not get to are only counted.
 */
export function* filesText(
  target: TargetReport,
  interrupted: boolean,
  settings: RenderSettings,
): Iterable<string> {
  const { files } = target;
  if (files.length === 0) return;
  const plain: FileStatus[] = [
    'clean',
    'ignored',
    'trusted',
    'skipped',
    ...(interrupted ? (['unchecked'] as const) : []),
  ];
  const all = settings.verbose || files.length <= SMALL;
  const listed = all ? files : files.filter(({ status }) => !plain.includes(status));
  const limit = settings.verbose ? ROWS_VERBOSE : ROWS;
  if (listed.length > 0) yield `${fileTable(listed.slice(0, limit), target, settings)}\n`;
  if (listed.length > limit) {
    yield settings.palette.dim(`  … and ${grouped(listed.length - limit)} more (--format json lists all)\n`);
  }
  if (!all || listed.length > limit)
    yield `${listed.length > 0 ? '\n' : ''}${totalsTable(files, settings)}\n`;
  yield '\n';
}
