import { type Finding, severities } from '../finding/finding.js';
import { byteSize, counted, duration, grouped, offsetText } from '../finding/quantity.js';
import { pathOf } from './location.js';
import { printable } from './printable.js';
import type { Report, TargetReport } from './report.js';
import { plainPalette, type RenderSettings, type Reporter } from './reporter.js';
import { restorableLine, unfinishedBackups } from './restorable.js';
import { summaryTallies } from './tallies.js';
import { impactLines } from './text/command-lines.js';
import { fieldsText, hexWindowOf, labelledEvidence, spokenEvidence } from './text/evidence.js';
import { groupedBy } from './text/group.js';
import { hexLines } from './text/hexdump.js';

/** Findings of one severity and target that are told in full; the rest is a line in a table, and beyond that a number. */
const TOLD = 20;
const LISTED = 500;

/** Text that Markdown leaves alone, on one line. */
function markdownText(text: string): string {
  return printable(text).replace(/[\\`*_{}[\]<>#|~]/g, (character) => `\\${character}`);
}

/** Any text in backquotes. */
function codeText(text: string): string {
  const shown = printable(text);
  const longest = Math.max(0, ...[...shown.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  return longest > 0 ? `${fence} ${shown} ${fence}` : `\`${shown.replace(/\|/g, '\\|')}\``;
}

function placeText({ offset, length }: Finding): string {
  return offset === undefined ? '' : `${offsetText(offset)}${length ? `, ${counted(length, 'byte')}` : ''}`;
}

function* told(finding: Finding, target: TargetReport): Iterable<string> {
  const { message, evidence, cause, impact, next } = finding;
  const place = placeText(finding);
  yield `#### ${finding.severity} ${codeText(finding.rule)}\n\n`;
  yield `${codeText(pathOf(target, finding))}${place === '' ? '' : ` at ${place}`}\n\n`;
  yield `${markdownText(message)}\n\n`;
  const labels = labelledEvidence(evidence);
  const spoken = spokenEvidence(evidence, [message, ...labels.map(({ text }) => text)].join(' '));
  const lines = [
    ...(Object.keys(spoken).length > 0 ? [`evidence: ${fieldsText(spoken)}`] : []),
    ...(cause ? [`cause: ${cause.detail} (${cause.certainty}${cause.basis ? `: ${cause.basis}` : ''})`] : []),
    ...labels.map(({ label, text }) => `${label}: ${text}`),
    ...(impact ? impactLines(impact) : []).map(
      ({ label, text }) => `${label === '' ? '' : `${label}: `}${text}`,
    ),
  ];
  for (const line of lines) yield `- ${markdownText(line)}\n`;
  if (next !== undefined) yield `- next: ${codeText(next)}\n`;
  if (lines.length > 0 || next !== undefined) yield '\n';
  for (const value of Object.values(evidence)) {
    const window = hexWindowOf(value);
    if (window !== undefined) yield `\`\`\`text\n${hexLines(window, plainPalette).join('\n')}\n\`\`\`\n\n`;
  }
}

/** The backups of a backup directory, and in one line which of them can be restored. */
function* backupsText(target: TargetReport, report: Report): Iterable<string> {
  const line = restorableLine(target, report);
  const { backups = [] } = target;
  if (line === undefined) return;
  if (backups.length > 0) yield '| backup | verdict | files | size |\n| ---: | --- | ---: | ---: |\n';
  for (const { id, verdict, files, size } of backups.slice(-LISTED))
    yield `| ${id} | ${backupMarks[verdict]} ${verdict} | ${grouped(files)} | ${byteSize(size)} |\n`;
  yield `${backups.length > 0 ? '\n' : ''}**${markdownText(line)}**\n\n`;
}

function* targetText(target: TargetReport, report: Report): Iterable<string> {
  yield `## ${codeText(target.path)}\n\n`;
  yield* backupsText(target, report);
  for (const severity of severities) {
    const own = target.findings.filter((finding) => finding.severity === severity);
    if (own.length === 0) continue;
    yield `### ${counted(own.length, severity)}\n\n`;
    // one of each kind before the second of any: the first twenty then say the most
    const kinds = [...groupedBy(own, ({ rule }) => rule).values()];
    const first = kinds
      .flatMap((group) => group.slice(0, Math.max(1, Math.floor(TOLD / kinds.length))))
      .slice(0, TOLD);
    if (severity !== 'note') for (const finding of first) yield* told(finding, target);
    const rest = severity === 'note' ? own : own.filter((finding) => !first.includes(finding));
    if (rest.length === 0) continue;
    yield '| rule | file | place | |\n| --- | --- | --- | --- |\n';
    for (const finding of rest.slice(0, LISTED)) {
      yield `| ${codeText(finding.rule)} | ${codeText(finding.file)} | ${placeText(finding)} | ${markdownText(finding.message)} |\n`;
    }
    if (rest.length > LISTED) yield `\n… and ${grouped(rest.length - LISTED)} more.\n`;
    yield '\n';
  }
  if (target.unchecked.length > 0) {
    yield `### Not checked\n\n`;
    for (const { file, reason } of target.unchecked.slice(0, LISTED))
      yield `- ${codeText(file)}: ${markdownText(reason)}\n`;
    if (target.unchecked.length > LISTED)
      yield `\n… and ${grouped(target.unchecked.length - LISTED)} more.\n`;
    yield '\n';
  }
  const { suppressed = [] } = target;
  if (suppressed.length > 0) {
    yield '### Set aside by the configuration\n\n';
    for (const { rule, file, suppressed: by } of suppressed.slice(0, LISTED)) {
      yield `- ${codeText(rule)} ${codeText(file)}: ${markdownText(by.reason)}\n`;
    }
    yield '\n';
  }
  yield* filesText(target);
}

function* filesText({ files }: TargetReport): Iterable<string> {
  const groups = groupedBy(
    files.filter(({ status }) => status !== 'ignored'),
    ({ kind, status }) => `${kind}\0${status}`,
  );
  if (groups.size === 0) return;
  yield '| files | status | number | size |\n| --- | --- | ---: | ---: |\n';
  for (const group of groups.values()) {
    const size = group.reduce((sum, file) => sum + file.size, 0);
    yield `| ${group[0].kind} | ${group[0].status} | ${grouped(group.length)} | ${byteSize(size)} |\n`;
  }
  yield '\n';
}

const titles = { clean: '✅ Clean', damaged: '❌ Damaged', incomplete: '⚠️ Incomplete' } as const;

const backupMarks = { clean: '✅', damaged: '❌', incomplete: '⚠️', unfinished: '⚠️' } as const;

/** A directory may be clean and hold remains of a backup that somebody counts on. */
function title(report: Report): string {
  const unfinished = unfinishedBackups(report);
  if (report.verdict !== 'clean' || unfinished.length === 0) return titles[report.verdict];
  return `⚠️ Clean, but for what is unfinished: backup ${unfinished.join(', ')}`;
}

/** The verdict and what it rests on, in two lines. */
function markdownHead(report: Report): string {
  const { summary } = report;
  const tallies = summaryTallies(summary, 'interrupted before the end');
  const found = tallies.length > 0 ? `${tallies.join(', ')}, ` : '';
  const looked = `${counted(summary.files, 'file')}, ${byteSize(summary.bytes)}, depth ${summary.depth}, ${duration(summary.milliseconds)}`;
  return `# kvdoctor: ${title(report)}\n\n${found}of ${looked}.\n\n`;
}

/** A report for an issue, a pull request or a chat: what is wrong, worst first, with as much detail as fits a reader. */
export function* markdownPieces(report: Report): Iterable<string> {
  yield markdownHead(report);
  for (const target of report.targets) yield* targetText(target, report);
}

export function markdownReporter(_settings: RenderSettings): Reporter {
  return { render: markdownPieces };
}
