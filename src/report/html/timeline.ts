import { counted, grouped } from '../../finding/quantity.js';
import type { FileReport, RecoveryReport, StateReport } from '../report.js';
import { fileOf } from '../text/finding.js';
import { groupedBy } from '../text/group.js';
import { html, markLeft, percent } from './escape.js';
import type { NumberedFinding, PageTarget } from './numbered.js';

/** Files with a row of their own; tables beyond that are drawn by level. */
const ROWS = 40;

/** A bar over sequence numbers. */
interface Row {
  name: string;
  note: string;
  kind: string;
  first: bigint;
  last: bigint;
  /** Damage in a log, where it stands among its sequence numbers. */
  marks?: Mark[];
}

interface Mark {
  first: bigint;
  last: bigint;
  finding: NumberedFinding;
}

const min = (a: bigint, b: bigint) => (a < b ? a : b);
const max = (a: bigint, b: bigint) => (a > b ? a : b);

function fileRow(file: FileReport, findings: readonly NumberedFinding[] = []): Row | undefined {
  if (file.sequences === undefined) return undefined;
  const first = BigInt(file.sequences.first);
  const last = BigInt(file.sequences.last);
  if (last < first) return undefined;
  const level = file.level === undefined ? '' : `L${file.level}, `;
  const use = file.use === undefined || file.use === 'live' ? '' : `${file.use}, `;
  return {
    name: fileOf({ file: file.path, root: file.root }),
    note: `${use}${level}sequences ${first}–${last}`,
    // a log is marked where it is damaged, and only a table as a whole: its blocks are in the order of keys
    kind: `${file.kind} ${file.kind === 'wal' ? 'clean' : file.status}`,
    first,
    last,
    marks: file.kind === 'wal' ? findings.map((found) => markOf(found, file, first, last)) : [],
  };
}

/** Where a finding stands among the sequence numbers of its log: as its batch says, else about where its bytes are. */
function markOf(found: NumberedFinding, { size }: FileReport, first: bigint, last: bigint): Mark {
  const { evidence, offset = 0, length = 0 } = found.finding;
  const { sequence, count } = evidence;
  if (typeof sequence === 'string' && /^\d+$/.test(sequence)) {
    const from = BigInt(sequence);
    const operations = typeof count === 'number' && count > 0 ? BigInt(count) : 1n;
    return { first: from, last: from + operations - 1n, finding: found };
  }
  const span = last - first + 1n;
  const at = (byte: number) => first + (span * BigInt(Math.min(byte, size))) / BigInt(Math.max(size, 1));
  return { first: at(offset), last: at(offset + length), finding: found };
}

/** Many tables as one bar for each column family and level; those that are not clean keep their own. */
function byLevel(files: readonly FileReport[]): Row[] {
  const [clean, others] = [
    files.filter((f) => f.status === 'clean'),
    files.filter((f) => f.status !== 'clean'),
  ];
  const groups = groupedBy(clean, ({ columnFamily = '', level = -1 }) => `${columnFamily} L${level}`);
  const merged = [...groups].flatMap(([name, group]) => {
    const rows = group.map((file) => fileRow(file)).filter((row) => row !== undefined);
    if (rows.length === 0) return [];
    const first = rows.map((row) => row.first).reduce(min);
    const last = rows.map((row) => row.last).reduce(max);
    return [
      {
        name,
        note: `${counted(rows.length, 'table')}, sequences ${first}–${last}`,
        kind: 'table clean',
        first,
        last,
      },
    ];
  });
  const own = others.map((file) => fileRow(file)).filter((row) => row !== undefined);
  return [...own.slice(0, ROWS), ...merged];
}

function modeNote(mode: RecoveryReport): string {
  if (!mode.opens) return `refuses to open: ${mode.error ?? 'no reason known'}`;
  const { operations = 0, records = 0 } = mode.lost;
  const lost =
    operations > 0
      ? `loses ${counted(operations, 'operation')} in ${counted(records, 'record')}`
      : records > 0
        ? `does not apply ${counted(records, 'record')}`
        : 'loses nothing';
  return `opens at sequence ${mode.lastSequence ?? '?'}, ${lost}`;
}

interface Scale {
  first: bigint;
  span: bigint;
}

/** Where a sequence number stands between the first and the last, 0 to 1. */
function shareOf(sequence: bigint, { first, span }: Scale): number {
  return Number(((sequence - first) * 1_000_000n) / span) / 1_000_000;
}

function markHtml({ first, last, finding: { id, finding } }: Mark, scale: Scale): string {
  const left = shareOf(first, scale);
  const title = html(`${finding.rule}: about sequence ${first}`);
  return `<a class="mark ${finding.severity}" href="#${id}" title="${title}" aria-label="${title}" style="left:${markLeft(left)};width:${percent(shareOf(last + 1n, scale) - left)}"></a>`;
}

/** A state that the files can give, up to its last sequence. */
function stateHtml({ number, current, coherent, lastSequence, detail }: StateReport, scale: Scale): string {
  const kept = shareOf(BigInt(lastSequence) + 1n, scale);
  const own = current ? ' <span class="tag">as the files are</span>' : '';
  return `<div class="row state" data-state="${number}" data-last="${html(lastSequence)}"><div class="label"><b>--state ${number}</b>${own} <span>${html(detail)}${coherent ? '' : '; with holes'}</span></div><div class="bar"><span class="span kept" style="left:0%;width:${percent(kept)}"></span></div></div>\n`;
}

function rowHtml({ name, note, kind, first, last, marks = [] }: Row, scale: Scale): string {
  const left = shareOf(first, scale);
  const width = shareOf(last + 1n, scale) - left;
  return `<div class="row" data-name="${html(name)}" data-first="${first}" data-last="${last}"><div class="label"><b>${html(name)}</b> <span>${html(note)}</span></div><div class="bar"><span class="span ${kind}" style="left:${percent(left)};width:${percent(width)}"></span>${marks.map((mark) => markHtml(mark, scale)).join('')}</div></div>\n`;
}

function modeHtml(mode: RecoveryReport, scale: Scale): string {
  const kept =
    mode.opens && mode.lastSequence !== undefined ? shareOf(BigInt(mode.lastSequence) + 1n, scale) : 0;
  const own = mode.own ? ' <span class="tag">this database</span>' : '';
  return `<div class="row mode" data-mode="${html(mode.mode)}" data-opens="${mode.opens}" data-last="${html(mode.lastSequence ?? '')}"><div class="label"><b>${html(mode.mode)}</b>${own} <span>${html(modeNote(mode))}</span></div><div class="bar${mode.opens ? '' : ' refused'}">${mode.opens ? `<span class="span kept" style="left:0%;width:${percent(kept)}"></span>` : ''}</div></div>\n`;
}

/** Which sequence numbers each WAL and table holds, and up to where each recovery mode would come. */
export function timeline({ target, findings }: PageTarget): string {
  const wals = target.files.filter(({ kind }) => kind === 'wal');
  const tables = target.files.filter(({ kind }) => kind === 'table');
  const byFile = groupedBy(findings, ({ finding }) => fileOf(finding));
  const walRows = wals
    .map((file) => fileRow(file, byFile.get(fileOf({ file: file.path, root: file.root }))))
    .filter((row) => row !== undefined);
  const tableRows =
    tables.length > ROWS
      ? byLevel(tables)
      : tables.map((file) => fileRow(file)).filter((row) => row !== undefined);
  const rows = [...tableRows, ...walRows.slice(-ROWS)].toSorted((a, b) =>
    a.first < b.first ? -1 : a.first > b.first ? 1 : 0,
  );
  const modes = target.recovery ?? [];
  const states = target.states ?? [];
  const ends = modes.flatMap(({ opens, lastSequence }) =>
    opens && lastSequence ? [BigInt(lastSequence)] : [],
  );
  for (const { lastSequence } of states) ends.push(BigInt(lastSequence));
  if (rows.length === 0 && ends.length === 0) return '';
  const first = rows.map((row) => row.first).reduce(min, rows.length === 0 ? 0n : rows[0].first);
  const last = [...rows.map((row) => row.last), ...ends].reduce(max);
  const scale = { first, span: last - first + 1n };
  const caption = `<figcaption><h3>Sequence numbers</h3><p>What each table and log holds, from ${first} to ${last} (${grouped(last - first + 1n)} numbers)${modes.length > 0 ? ', and what each recovery mode keeps' : ''}${states.length > 0 ? '; what each state that the files can give keeps' : ''}.</p></figcaption>`;
  const modeRows = modes.map((mode) => modeHtml(mode, scale));
  return `<figure class="timeline" data-first="${first}" data-last="${last}">${caption}\n${rows.map((row) => rowHtml(row, scale)).join('')}${modeRows.length > 0 ? `<h4>Recovery modes</h4>\n${modeRows.join('')}` : ''}${states.length > 0 ? `<h4>States that the files can give</h4>\n${states.map((state) => stateHtml(state, scale)).join('')}` : ''}</figure>\n`;
}
