import { byteSize, counted, duration, grouped } from '../finding/quantity.js';
import { html } from './html/escape.js';
import { fileMap } from './html/file-map.js';
import { briefHtml, findingHtml } from './html/finding.js';
import { levels } from './html/levels.js';
import { numbered, type PageTarget } from './html/numbered.js';
import { script } from './html/script.js';
import { style } from './html/style.js';
import { timeline } from './html/timeline.js';
import type { Report } from './report.js';
import { plainPalette, type RenderSettings, type Reporter } from './reporter.js';
import { restorableLine, unfinishedBackups } from './restorable.js';
import { knownRule } from './rule-help.js';
import { summaryTallies } from './tallies.js';
import { fileOf, placeText } from './text/finding.js';
import { nextCommands, unpackCommand } from './text/next.js';
import { targetHead } from './text/target.js';
import { openingLines } from './text/verdict.js';

/** Findings that are open when the page is. */
const OPEN = 3;

/** Findings of a target of which the page has all that is known; of the others a line each. */
const FULL = 1000;

/** Files and unchecked ranges that are listed. */
const LISTED = 5000;

/** The settings of lines that a page takes from the text output. */
const plain: RenderSettings = { width: 1e6, palette: plainPalette, verbose: false, quiet: false };

const verdicts = { clean: 'Clean', damaged: 'Damaged', incomplete: 'Incomplete' } as const;

function head(report: Report): string {
  const { verdict, summary, tool } = report;
  const found = summaryTallies(summary, 'interrupted before the end: nothing is known of the rest');
  const looked = `${counted(summary.files, 'file')}, ${byteSize(summary.bytes)}, ${byteSize(summary.bytesRead)} read in ${duration(summary.milliseconds)}, depth ${summary.depth}`;
  const unfinished = verdict === 'clean' ? unfinishedBackups(report) : [];
  const [tone, word] =
    unfinished.length > 0
      ? ['unfinished', `Clean, but for what is unfinished: backup ${unfinished.join(', ')}`]
      : [verdict, verdicts[verdict]];
  const { run } = report;
  const made =
    run === undefined
      ? ''
      : `<p class="dim">on <b>${html(run.host)}</b>, in <code>${html(run.directory)}</code>:<br><code>${html(run.command)}</code></p>\n`;
  const counts =
    summary.files === 0 ? `${byteSize(summary.bytesRead)} read in ${duration(summary.milliseconds)}` : looked;
  return `<h1>kvdoctor: <span class="verdict ${tone}">${word}</span></h1>
<p>${found.length > 0 ? `<b>${found.join(', ')}</b> in ` : ''}${counts}.</p>
<p class="dim">${html(summary.startedAt)}, kvdoctor ${html(tool.version)}</p>\n${made}${onward(report)}`;
}

/** What the engine says and what to type next, before everything else. */
function onward({ targets, ...report }: Report): string {
  const lines = targets.flatMap((target) => {
    const { path, opening, recommendation, doNotOpen } = target;
    const isFine = opening?.opens && target.findings.every(({ severity }) => severity !== 'error');
    return [
      ...(doNotOpen === undefined
        ? []
        : [`<p><strong>Do not open <code>${html(path)}</code>: ${html(doNotOpen)}</strong></p>`]),
      ...(isFine ? [] : openingLines(target, targets.length, plain).map((line) => `<p>${html(line)}</p>`)),
      ...(recommendation === undefined ? [] : [`<p>${html(recommendation.reason)}</p>`]),
    ];
  });
  const { commands, more } = nextCommands({ targets, ...report });
  const recommended = targets.flatMap(({ recommendation }) => recommendation?.command ?? []);
  const unpack = targets.flatMap((target) => unpackCommand(target) ?? []);
  const next = [...unpack, ...(commands.length > 0 ? commands : recommended)].map(
    (each) => `<code>${html(each)}</code>`,
  );
  const rest = more > 0 ? `and ${counted(more, 'more target')}: a scan of each names its command` : '';
  if (next.length > 0) lines.push(`<p class="next"><b>Next</b> ${next.join(' ')} ${rest}</p>`);
  return `${lines.join('')}\n`;
}

/** The backups of a backup directory, and in one line which of them can be restored. */
function backups({ target }: PageTarget, report: Report): string {
  const line = restorableLine(target, report);
  if (line === undefined) return '';
  const rows = (target.backups ?? [])
    .slice(-LISTED)
    .map(
      ({ id, verdict, files: count, size }) =>
        `<tr><td class="number">${id}</td><td><span class="verdict ${verdict}">${verdict}</span></td><td class="number">${grouped(count)}</td><td class="number">${byteSize(size)}</td></tr>`,
    );
  const table =
    rows.length === 0
      ? ''
      : `<div class="scroll" tabindex="0"><table><thead><tr><th>backup</th><th>verdict</th><th>files</th><th>size</th></tr></thead><tbody>\n${rows.join('\n')}</tbody></table></div>`;
  return `${table}<p><b>${html(line)}</b></p>\n`;
}

function filter(report: Report): string {
  const { errors, warnings, notes } = report.summary;
  const box = (value: string, label: string, count: number) =>
    `<label><input type="checkbox" value="${value}" checked> ${label} (${grouped(count)})</label>`;
  return `<div class="filter" role="search"><input type="search" id="search" placeholder="Filter: file, rule, words ( / )" aria-label="Filter findings">
${box('error', 'errors', errors)}${box('warning', 'warnings', warnings)}${box('note', 'notes', notes)}<span id="count" class="dim" role="status">${counted(errors + warnings + notes, 'finding')}</span></div>\n`;
}

function unchecked({ target }: PageTarget): string {
  if (target.unchecked.length === 0) return '';
  const items = target.unchecked
    .slice(0, LISTED)
    .map(({ file, reason }) => `<li><code>${html(file)}</code>: ${html(reason)}</li>`);
  const more = target.unchecked.length - items.length;
  return `<h3>Not checked</h3><ul>${items.join('\n')}</ul>${more > 0 ? `<p class="dim">… and ${grouped(more)} more.</p>` : ''}\n`;
}

/** Findings that the configuration sets aside. */
function setAside({ target: { suppressed = [] } }: PageTarget): string {
  if (suppressed.length === 0) return '';
  const items = suppressed
    .slice(0, LISTED)
    .map(
      (finding) =>
        `<li><code>${html(finding.rule)}</code> ${html(placeText(finding))}: ${html(finding.suppressed.reason)}</li>`,
    );
  return `<details><summary>Set aside by the configuration (${grouped(suppressed.length)})</summary><ul>${items.join('\n')}</ul></details>\n`;
}

function* files({ target }: PageTarget): Iterable<string> {
  if (target.files.length === 0) return;
  yield `<details class="files"><summary>All files (${grouped(target.files.length)})</summary><div class="scroll" tabindex="0"><table><thead><tr><th>file</th><th>kind</th><th>size</th><th>entries</th><th>column family</th><th>status</th></tr></thead><tbody>\n`;
  for (const file of target.files.slice(0, LISTED)) {
    const name = fileOf({ file: file.path, root: file.root });
    const family =
      file.columnFamily === undefined
        ? ''
        : `${file.columnFamily}${file.level === undefined ? '' : ` L${file.level}`}`;
    yield `<tr><td>${html(name)}</td><td>${file.kind}</td><td class="number">${byteSize(file.size)}</td><td class="number">${file.entries === undefined ? '' : grouped(file.entries)}</td><td>${html(family)}</td><td>${file.status}${file.use === undefined || file.use === 'live' ? '' : `, ${file.use}`}</td></tr>\n`;
  }
  const more = target.files.length - LISTED;
  yield `</tbody></table></div>${more > 0 ? `<p class="dim">… and ${grouped(more)} more.</p>` : ''}</details>\n`;
}

/** The rules that findings name, each explained once. */
function* rules(targets: readonly PageTarget[]): Iterable<string> {
  const ids = [
    ...new Set(targets.flatMap(({ findings }) => findings.map(({ finding }) => finding.rule))),
  ].sort();
  if (ids.length === 0) return;
  yield '<h2>What the rules mean</h2>\n';
  for (const id of ids) {
    const rule = knownRule(id);
    const text =
      rule === undefined
        ? '<p>This version of kvdoctor does not know it.</p>'
        : `<p>${html(rule.meaning)}</p><p><b>How it comes about.</b> ${html(rule.origin)}</p><p><b>What to do.</b> ${html(rule.action)}</p>`;
    yield `<details id="rule-${html(id)}"><summary><code>${html(id)}</code> ${html(rule?.title ?? '')}</summary>${text}</details>\n`;
  }
}

const policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'";

function* page(report: Report): Iterable<string> {
  const targets = numbered(report);
  const title = html(
    `kvdoctor: ${verdicts[report.verdict]}: ${report.targets.map(({ path }) => path).join(', ')}`.slice(
      0,
      200,
    ),
  );
  yield `<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<meta name="viewport" content="width=device-width, initial-scale=1">\n<meta http-equiv="Content-Security-Policy" content="${policy}">\n<title>${title}</title>\n<style>${style}</style>\n</head>\n<body>\n`;
  yield `<a class="skip" href="#findings">To the findings</a>\n<header>${head(report)}</header>\n<main>\n`;
  const all = targets.flatMap(({ findings }) => findings);
  // a simulation looks for none
  const looked = all.length > 0 || report.targets.some((target) => target.files.length > 0);
  if (looked) yield '<h2 id="findings" tabindex="-1">Findings</h2>\n';
  if (looked && all.length === 0) yield '<p>None.</p>\n';
  if (all.length > 0) yield filter(report);
  for (const target of targets) {
    if (targets.length > 1 && target.findings.length > 0)
      yield `<h3><a href="#${target.id}"><code>${html(target.target.path)}</code></a></h3>\n`;
    for (const [i, finding] of target.findings.entries())
      yield i < FULL
        ? findingHtml(finding, i < OPEN && finding.finding.severity === 'error')
        : briefHtml(finding);
  }
  for (const target of targets) {
    const [path, ...facts] = targetHead(target.target, plain)
      .trim()
      .split(/\n|\s{3}/);
    yield `<section id="${target.id}"><h2><code>${html(path)}</code></h2><p>${html(facts.join(' ').trim())}</p>\n`;
    yield fileMap(target);
    yield timeline(target);
    yield levels(target);
    yield backups(target, report);
    yield unchecked(target);
    yield setAside(target);
    yield* files(target);
    yield '</section>\n';
  }
  yield* rules(targets);
  yield `</main>\n<script>${script}</script>\n</body>\n</html>\n`;
}

/** One page that needs no network: verdict, pictures of where the damage lies, every finding, what the rules mean. */
export function htmlReporter(): Reporter {
  return { render: page };
}
