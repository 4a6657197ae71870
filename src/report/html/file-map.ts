import type { Severity } from '../../finding/finding.js';
import { byteSize, counted, offsetText } from '../../finding/quantity.js';
import type { FileReport } from '../report.js';
import { fileOf } from '../text/finding.js';
import { groupedBy } from '../text/group.js';
import { html, markLeft, percent } from './escape.js';
import { type NumberedFinding, type PageTarget, worse } from './numbered.js';

/** Files that have a row; damaged ones come first. */
const ROWS = 200;

/** Marks in one row. Where there are more, neighbours are drawn as one. */
const MARKS = 400;

/** One mark: a range of the file and the findings in it. */
interface Mark {
  offset: number;
  end: number;
  severity: Severity;
  findings: NumberedFinding[];
}

/** The marks of a file, ascending. Findings share one where a screen could not tell them apart. */
function marksOf(findings: readonly NumberedFinding[], size: number): Mark[] {
  const placed = findings.filter(({ finding }) => finding.offset !== undefined);
  const sorted = placed.toSorted((a, b) => a.finding.offset! - b.finding.offset!);
  const width = sorted.length > MARKS ? size / MARKS : 0;
  const marks: Mark[] = [];
  for (const each of sorted) {
    const { offset = 0, length = 0, severity } = each.finding;
    const last = marks.at(-1);
    if (last !== undefined && width > 0 && offset < last.offset + width) {
      last.end = Math.max(last.end, offset + length);
      last.severity = worse(last.severity, severity);
      last.findings.push(each);
    } else {
      marks.push({ offset, end: offset + length, severity, findings: [each] });
    }
  }
  return marks;
}

function markHtml({ offset, end, severity, findings }: Mark, size: number): string {
  const [{ id, finding }] = findings;
  const what = findings.length === 1 ? finding.rule : counted(findings.length, 'finding');
  const title = `${what}: ${offsetText(offset)}, ${counted(end - offset, 'byte')}`;
  const whole = Math.max(size, end, 1);
  return `<a class="mark ${severity}" href="#${id}" title="${html(title)}" aria-label="${html(title)}" data-offset="${offset}" data-length="${end - offset}" style="left:${markLeft(offset / whole)};width:${percent((end - offset) / whole)}"></a>`;
}

function rowHtml(file: FileReport, findings: readonly NumberedFinding[]): string {
  const name = fileOf({ file: file.path, root: file.root });
  const facts = [
    file.kind,
    file.status === 'missing' ? 'missing' : byteSize(file.size),
    ...(file.status === 'missing' ? [] : [file.status]),
  ];
  const marks = marksOf(findings, file.size).map((mark) => markHtml(mark, file.size));
  const bare = findings.find(({ finding }) => finding.offset === undefined);
  const label = bare === undefined ? html(name) : `<a href="#${bare.id}">${html(name)}</a>`;
  return `<div class="row" data-file="${html(name)}" data-size="${file.size}"><div class="label"><b>${label}</b> <span>${facts.join(', ')}</span></div><div class="bar ${file.status}">${marks.join('')}</div></div>\n`;
}

const statusRank: Partial<Record<FileReport['status'], number>> = {
  damaged: 0,
  missing: 1,
  suspicious: 2,
  unchecked: 3,
};

/** A bar for each file that is not clean or has findings, with the damage at its place. */
export function fileMap({ target, findings }: PageTarget): string {
  const byFile = groupedBy(findings, ({ finding }) => fileOf(finding));
  const ofFile = (file: FileReport) => byFile.get(fileOf({ file: file.path, root: file.root })) ?? [];
  const rank = (file: FileReport) => statusRank[file.status] ?? 4;
  const shown = target.files
    .filter((file) => rank(file) < 4 || ofFile(file).length > 0)
    .toSorted((a, b) => rank(a) - rank(b));
  if (shown.length === 0) return '';
  const rows = shown.slice(0, ROWS).map((file) => rowHtml(file, ofFile(file)));
  const more = shown.length - rows.length;
  const rest = more > 0 ? `<p class="dim">… and ${counted(more, 'more file')}.</p>` : '';
  return `<figure class="map"><figcaption><h3>Where the damage is</h3><p>Each bar is a file from its first byte to its last. A mark leads to its finding.</p></figcaption>\n${rows.join('')}${rest}</figure>\n`;
}
