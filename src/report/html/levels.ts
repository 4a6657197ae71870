import { byteSize, counted } from '../../finding/quantity.js';
import type { FileReport } from '../report.js';
import { fileOf } from '../text/finding.js';
import { groupedBy } from '../text/group.js';
import { html } from './escape.js';
import type { NumberedFinding, PageTarget } from './numbered.js';

/** Boxes in one level; clean tables beyond that are drawn as one. */
const BOXES = 120;

/** A live table, there or missing, with where it belongs. */
interface Placed {
  file: FileReport;
  family: string;
  level: number;
  finding?: NumberedFinding;
}

/** A missing table's place stands in the finding that says so. */
function placed(file: FileReport, findings: readonly NumberedFinding[]): Placed | undefined {
  const finding = findings[0];
  if (file.level !== undefined) {
    return { file, family: file.columnFamily ?? '', level: file.level, ...(finding && { finding }) };
  }
  const { level, columnFamily } = finding?.finding.evidence ?? {};
  if (file.status !== 'missing' || typeof level !== 'number') return undefined;
  return { file, family: typeof columnFamily === 'string' ? columnFamily : '', level, finding };
}

function box({ file, finding }: Placed): string {
  const name = fileOf({ file: file.path, root: file.root });
  const title = `${name}, ${file.status === 'missing' ? 'missing' : `${byteSize(file.size)}, ${file.status}`}`;
  const common = `class="box ${file.status}" data-file="${html(name)}" title="${html(title)}" style="flex-grow:${Math.max(file.size, 1)}"`;
  if (finding === undefined) return `<span ${common}></span>`;
  return `<a href="#${finding.id}" aria-label="${html(title)}" ${common}></a>`;
}

function levelHtml(level: number, tables: readonly Placed[]): string {
  const size = tables.reduce((sum, { file }) => sum + file.size, 0);
  const marked = tables.filter(({ file }) => file.status !== 'clean');
  const drawn = tables.length > BOXES ? marked.slice(0, BOXES) : tables;
  const rest = tables.filter((table) => !drawn.includes(table));
  const folded =
    rest.length === 0
      ? ''
      : `<span class="box clean" title="${counted(rest.length, 'more table')}" style="flex-grow:${Math.max(
          1,
          rest.reduce((sum, { file }) => sum + file.size, 0),
        )}"></span>`;
  const wrong = marked.length === 0 ? '' : `, ${counted(marked.length, 'table')} not clean`;
  return `<div class="row level" data-level="${level}" data-tables="${tables.length}"><div class="label"><b>L${level}</b> <span>${counted(tables.length, 'table')}, ${byteSize(size)}${wrong}</span></div><div class="boxes">${drawn.map(box).join('')}${folded}</div></div>\n`;
}

/** The tables of each column family by level, those that are damaged or missing marked. */
export function levels({ target, findings }: PageTarget): string {
  const byFile = groupedBy(findings, ({ finding }) => fileOf(finding));
  const tables = target.files
    .filter(({ kind, use }) => kind === 'table' && use !== 'obsolete')
    .map((file) => placed(file, byFile.get(fileOf({ file: file.path, root: file.root })) ?? []))
    .filter((table) => table !== undefined);
  if (tables.length === 0) return '';
  const families = [...groupedBy(tables, ({ family }) => family)].map(([family, ofFamily]) => {
    const byLevel = [...groupedBy(ofFamily, ({ level }) => String(level))].sort(
      ([a], [b]) => Number(a) - Number(b),
    );
    const rows = byLevel.map(([level, ofLevel]) => levelHtml(Number(level), ofLevel));
    return `<div class="family" data-family="${html(family)}"><h4>${html(family)}</h4>\n${rows.join('')}</div>\n`;
  });
  return `<figure class="levels"><figcaption><h3>Levels</h3><p>Live tables by column family and level, as wide as they are large.</p></figcaption>\n${families.join('')}</figure>\n`;
}
