import { byteSize, counted, grouped } from '../finding/quantity.js';
import { html } from './html/escape.js';
import { style } from './html/style.js';
import { printable } from './printable.js';
import type { Report, TargetReport, Verdict } from './report.js';
import type { RenderSettings } from './reporter.js';
import { targetVerdict } from './summary.js';
import { plainTable, rendered } from './text/table.js';

/** What is kept of one target where there are thousands. */
export interface FleetTarget {
  path: string;
  verdict: Verdict;
  errors: number;
  warnings: number;
  unchecked: number;
  /** Bytes of its files. */
  bytes: number;
  /** When it was checked, and when the newest of its files was written. */
  checkedAt: string;
  newest?: string;
  /** The worst finding, or why it was not checked. */
  first?: string;
  /** Its own page, relative to the index. */
  page?: string;
}

/** What is worth to be shown of very many targets. */
interface Fleet {
  verdicts: Record<Verdict, number>;
  bytes: number;
  targets: FleetTarget[];
}

/** Targets that are named. */
const WORST = 10;

const worstFirst: Record<Verdict, number> = { damaged: 0, incomplete: 1, clean: 2 };

export function fleetTarget(target: TargetReport, { summary }: Pick<Report, 'summary'>): FleetTarget {
  const count = (severity: 'error' | 'warning') =>
    target.findings.filter((found) => found.severity === severity).length;
  const worst = target.findings.find(({ severity }) => severity === 'error') ?? target.findings[0];
  const first = worst === undefined ? target.unchecked[0]?.reason : `${worst.file}: ${worst.message}`;
  const newest = target.files.reduce((last, { modified = '' }) => (modified > last ? modified : last), '');
  return {
    path: target.path,
    verdict: targetVerdict(target, summary.interrupted),
    errors: count('error'),
    warnings: count('warning'),
    unchecked: target.unchecked.length,
    bytes: target.files.reduce((sum, { size }) => sum + size, 0),
    checkedAt: summary.startedAt,
    ...(newest !== '' && { newest }),
    ...(first !== undefined && { first: first.slice(0, 300) }),
  };
}

/** Puts targets together, worst first. */
export function fleetOf(targets: readonly FleetTarget[]): Fleet {
  const verdicts = { clean: 0, damaged: 0, incomplete: 0 };
  for (const { verdict } of targets) verdicts[verdict]++;
  const sorted = [...targets].sort(
    (a, b) =>
      worstFirst[a.verdict] - worstFirst[b.verdict] ||
      b.errors - a.errors ||
      b.unchecked - a.unchecked ||
      b.warnings - a.warnings ||
      (a.path < b.path ? -1 : 1),
  );
  return { verdicts, bytes: targets.reduce((sum, { bytes }) => sum + bytes, 0), targets: sorted };
}

const titles = ['target', 'verdict', 'errors', 'warnings', 'unchecked', 'first'] as const;

const tally = ({ verdicts, targets, bytes }: Fleet) =>
  `${counted(targets.length, 'target')}, ${byteSize(bytes)}: ${grouped(verdicts.damaged)} damaged, ${grouped(verdicts.incomplete)} incomplete, ${grouped(verdicts.clean)} clean`;

/** When the first and the last were checked, and whose newest file is the oldest. */
function ageText({ targets }: Fleet): string {
  const checked = targets.map(({ checkedAt }) => checkedAt).sort();
  const oldest = targets.reduce<FleetTarget | undefined>(
    (old, each) =>
      each.newest !== undefined && (old?.newest === undefined || each.newest < old.newest) ? each : old,
    undefined,
  );
  const age = oldest === undefined ? '' : `; the oldest data, of ${oldest.newest}, is in ${oldest.path}`;
  return checked.length === 0 ? '' : `Checked from ${checked[0]} to ${checked[checked.length - 1]}${age}.`;
}

/** Targets by verdict, the ten worst, and how old all that is. */
export function fleetText(fleet: Fleet, settings: RenderSettings): string {
  const worst = fleet.targets.filter(({ verdict, warnings }) => verdict !== 'clean' || warnings > 0);
  const lines = [`${tally(fleet)}.`];
  if (worst.length > 0) {
    const table = plainTable(titles, ['left', 'left', 'right', 'right', 'right', 'left'], settings);
    for (const { path, verdict, errors, warnings, unchecked, first = '' } of worst.slice(0, WORST))
      table.push([
        printable(path),
        verdict,
        grouped(errors),
        grouped(warnings),
        grouped(unchecked),
        printable(first),
      ]);
    lines.push(rendered(table));
    if (worst.length > WORST) lines.push(`… and ${grouped(worst.length - WORST)} more.`);
  }
  return `${[...lines, printable(ageText(fleet))].join('\n')}\n`;
}

/** The page that all targets are listed on, each with its own page. */
export function* fleetPage(fleet: Fleet): Iterable<string> {
  yield `<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<meta name="viewport" content="width=device-width, initial-scale=1">\n<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">\n<title>kvdoctor: ${html(tally(fleet))}</title>\n<style>${style}</style>\n</head>\n<body>\n`;
  yield `<header><h1>kvdoctor</h1><p><b>${html(tally(fleet))}.</b></p><p class="dim">${html(ageText(fleet))}</p></header>\n<main><div class="scroll" tabindex="0"><table><thead><tr>${[...titles, 'size', 'newest file'].map((title) => `<th>${title}</th>`).join('')}</tr></thead><tbody>\n`;
  for (const { path, page, verdict, first = '', newest = '', ...each } of fleet.targets) {
    const name = `<code>${html(path)}</code>`;
    const numbers = [each.errors, each.warnings, each.unchecked]
      .map((count) => `<td class="number">${grouped(count)}</td>`)
      .join('');
    yield `<tr><td>${page === undefined ? name : `<a href="${html(page)}">${name}</a>`}</td><td><span class="verdict ${verdict}">${verdict}</span></td>${numbers}<td>${html(first)}</td><td class="number">${byteSize(each.bytes)}</td><td>${html(newest)}</td></tr>\n`;
  }
  yield '</tbody></table></div></main>\n</body>\n</html>\n';
}
