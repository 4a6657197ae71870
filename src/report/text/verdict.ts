import { byteSize, counted, duration, grouped } from '../../finding/quantity.js';
import { printable } from '../printable.js';
import type { RecoveryReport, Report, TargetReport } from '../report.js';
import type { RenderSettings } from '../reporter.js';
import { restorableLine } from '../restorable.js';
import { tally } from './findings.js';
import { commandLine, paragraph } from './layout.js';
import { contentsCommand, nextCommands, otherCommand, serviceText, unpackLines } from './next.js';
import { engineNames, versionText } from './target.js';

function listed(parts: (string | false | undefined)[]): string {
  return parts.filter((part) => part).join(', ');
}

/** `2 files damaged, 1 missing`. */
function filesHit(report: Report): string {
  const files = report.targets.flatMap((target) => target.files);
  const damaged = files.filter(({ status }) => status === 'damaged').length;
  const missing = files.filter(({ status }) => status === 'missing').length;
  if (damaged === 0) return missing === 0 ? '' : `${counted(missing, 'file')} missing`;
  return listed([`${counted(damaged, 'file')} damaged`, missing > 0 && `${grouped(missing)} missing`]);
}

/** The verdict in one sentence. */
function sentence(report: Report, settings: RenderSettings): string {
  const { summary, verdict, targets } = report;
  const { palette } = settings;
  const findings = targets.flatMap((target) => target.findings);
  const counts = tally(findings, settings);
  const looked = `${counted(summary.files, 'file')}, ${byteSize(summary.bytes)}`;
  const unchecked =
    summary.unchecked > 0 && `${counted(summary.unchecked, 'file or range', 'files or ranges')} not checked`;
  // what nothing but a simulation tells
  if (isSimulation(report) || (verdict === 'damaged' && summary.errors === 0))
    return simulationSentence(report, unchecked, settings);
  if (verdict === 'damaged') {
    const broken = summary.interrupted && 'interrupted before the end';
    return `${palette.error('Damaged')}: ${listed([counts, filesHit(report), unchecked, broken])} (of ${looked}).`;
  }
  if (summary.interrupted) {
    const read = `${byteSize(summary.bytesRead)} of ${byteSize(summary.bytes)} read`;
    return `${palette.warning('Interrupted')}: no error up to here, ${listed([read, counts])}; nothing is known of the rest.`;
  }
  if (summary.files === 0 && summary.unchecked > 0) return `${palette.warning('Nothing was checked')}.`;
  if (verdict === 'incomplete') {
    return `${palette.warning('Incomplete')}: no error found, but ${listed([unchecked, counts])} (of ${looked}).`;
  }
  const clean = `${palette.good('Clean')}: no damage that costs data in ${looked} (depth ${summary.depth})`;
  return counts === ''
    ? `${palette.good('Clean')}: no damage in ${looked} (depth ${summary.depth}).`
    : `${clean}; ${counts}.`;
}

/** Nothing was scanned: the report is about what recovery would do. */
function isSimulation({ targets }: Report): boolean {
  return targets.some(({ recovery }) => recovery) && targets.every(({ files }) => files.length === 0);
}

function simulationSentence(
  { targets }: Report,
  unchecked: string | false,
  { palette }: RenderSettings,
): string {
  const own = targets.flatMap(({ recovery = [] }) => recovery).find((mode) => mode.own);
  if (own === undefined) return 'Nothing was simulated.';
  if (!own.opens)
    return `${palette.error('Not opened')}: in its own mode, ${own.mode}, the engine refuses it.`;
  if (own.harmless && (own.contents?.errors ?? 0) > 0)
    return `${palette.error('Not coherent')}: in its own mode, ${own.mode}, it opens and loses nothing that was acknowledged, but what it holds breaks the application's own rules.`;
  if (own.harmless && unchecked)
    return `${palette.warning('Incomplete')}: in its own mode, ${own.mode}, it opens, and what was looked at loses nothing that was acknowledged, but ${unchecked}.`;
  const gone = targets.flatMap(({ goneWals = [] }) => goneWals).join(', ');
  if (own.harmless && gone !== '')
    return `${palette.warning('Opens')}: in its own mode, ${own.mode}, and loses nothing of what is here; ${gone} is gone, and may have held writes that no table has.`;
  if (own.harmless)
    return `${palette.good('Opens')}: in its own mode, ${own.mode}, and loses nothing that was acknowledged.`;
  const { records = 0, operations = 0, damagedBytes = 0 } = own.lost;
  const unread = unreadText(own);
  if (unread !== '' && records === 0 && damagedBytes === 0 && own.flushFails === undefined)
    return `${palette.error('Not whole')}: in its own mode, ${own.mode}, it opens, and ${unread}.`;
  const costs = [
    records > 0 && `${counted(records, 'record')} with ${counted(operations, 'operation')}`,
    damagedBytes > 0 && `${byteSize(damagedBytes)} that are damaged`,
    own.flushFails !== undefined && 'fails when it writes what it recovered',
  ];
  if (costs.every((cost) => cost === false)) {
    if (gone !== '') {
      const spans = targets.flatMap(({ states = [] }) => states.flatMap(({ gone: held = [] }) => held));
      const held = spans.map(({ from, to }) => `${from} to ${to}`).join(', ');
      return `${palette.error('Not whole')}: in its own mode, ${own.mode}, it opens, but a WAL that it needs is gone or cut short: ${gone}${held === '' ? '' : `; nothing holds sequences ${held}`}.`;
    }
    const what = targets.some(({ state }) => state !== undefined)
      ? 'this state gives up what is told above'
      : 'another state that the files can give keeps more';
    return `${palette.error('Loses data')}: in its own mode, ${own.mode}, it opens, but ${what}.`;
  }
  return `${palette.error('Loses data')}: in its own mode, ${own.mode}, it opens and gives up ${listed(costs)}${unread === '' ? '' : `; ${unread}`}.`;
}

/** `33 entries in 1 file cannot be read`. */
function unreadText({ unreadable }: RecoveryReport): string {
  if (unreadable === undefined) return '';
  const { entries, uncounted = 0, files } = unreadable;
  if (entries === 0 && uncounted === 0)
    return `${counted(files.length, 'table or blob file', 'tables or blob files')} damaged`;
  const count =
    uncounted > 0 ? `at least ${counted(entries, 'entry', 'entries')}` : counted(entries, 'entry', 'entries');
  return `${count} in ${counted(files.length, 'file')} cannot be read`;
}

/** What the engine does with damaged files in their own mode; where it refuses, in its own words. */
export function openingLines(
  { path, opening, engine, findings }: TargetReport,
  among: number,
  { palette, width }: RenderSettings,
): string[] {
  if (opening === undefined || engine.name === 'unknown') return [];
  const { mode, opens, error, errorFile, lost } = opening;
  // of several, which
  const which = among > 1 ? `${printable(path)}: ` : '';
  const who = `${which}${engineNames[engine.name]}${versionText(engine)} in its own mode, ${mode}`;
  if (!opens) {
    const about = errorFile === undefined || error?.includes(errorFile) ? '' : ` (${errorFile})`;
    return [
      paragraph(`${who}, ${palette.error('refuses to open')} it:`, width, ''),
      paragraph(printable(`${error}${about}`), width, '  '),
    ];
  }
  const errors = findings.filter(({ severity }) => severity === 'error');
  const isMetLater = errors.some(({ rule }) => rule.startsWith('sst/') || rule.startsWith('blob/'));
  const gives = lost?.records
    ? `, and gives up ${counted(lost.records, 'record')} with ${counted(lost.operations, 'operation')} of the WALs`
    : isMetLater
      ? '; it meets the damage when it reads what is damaged'
      : errors.length > 0
        ? ', and does not notice the damage'
        : '';
  return [paragraph(`${who}, opens it as it is${gives}.`, width, '')];
}

/** What was left unread on purpose, a line each. */
function notRead({ summary: { trusted, skipped, known } }: Report): string[] {
  return [
    trusted &&
      `Taken on trust: ${counted(trusted.files, 'unchanged file')}, ${byteSize(trusted.bytes)}, checked since ${trusted.oldest.slice(0, 10)}.`,
    skipped && `Left out of the sample: ${counted(skipped.files, 'file')}, ${byteSize(skipped.bytes)}.`,
    known && `Known from the baseline: ${counted(known, 'finding')}.`,
  ].filter((line) => typeof line === 'string');
}

/** Findings that the configuration sets aside. */
function setAside({ targets }: Report): string[] {
  const count = targets.reduce((sum, { suppressed = [] }) => sum + suppressed.length, 0);
  return count > 0 ? [`Set aside by the configuration: ${counted(count, 'finding')}.`] : [];
}

/** A checkpoint or the copy of a database that is damaged. Of a backup directory its last line says what can be restored. */
function isDamagedCopy({ kind, backups, findings, repair }: TargetReport): boolean {
  const isCopy =
    (kind === 'checkpoint' || kind === 'backup') && backups === undefined && repair === undefined;
  return isCopy && findings.some(({ severity }) => severity === 'error');
}

/** Where damaged contents can be had again without a repair; a plan says it itself. */
function rebuildLines({ targets }: Report): string[] {
  return targets.flatMap(({ application, plan }) =>
    application?.rebuild === undefined || plan !== undefined ? [] : [application.rebuild.detail],
  );
}

/** What reading targets in buckets took; nothing where there are none. */
function transferred(targets: Report['targets']): string {
  const transfers = targets.flatMap(({ transfer }) => (transfer === undefined ? [] : [transfer]));
  if (transfers.length === 0) return '';
  const requests = transfers.reduce((sum, each) => sum + each.requests, 0);
  const bytes = transfers.reduce((sum, each) => sum + each.bytes, 0);
  return `; the object store sent ${byteSize(bytes)} in ${counted(requests, 'request')}`;
}

export function verdictText(report: Report, settings: RenderSettings): string {
  const { summary, targets } = report;
  const simulated = isSimulation(report);
  const { commands, more } = simulated ? { commands: [], more: 0 } : nextCommands(report);
  const next = commands.map((command) => commandLine('next', command, settings));
  if (more > 0) next.push(`and ${counted(more, 'more target')}: a scan of each names its command`);
  const asked = targets.some(({ repair }) => repair?.asked);
  // whoever says no has seen the plan: nothing is new but that nothing was done
  if (targets.some(({ repair }) => repair?.state === 'declined'))
    return next.map((line) => `${line}\n`).join('');
  const lines = [paragraph(sentence(report, settings), settings.width, '')];
  for (const target of simulated ? [] : targets)
    lines.push(...openingLines(target, targets.length, settings));
  for (const line of [...notRead(report), ...setAside(report)])
    lines.push(paragraph(line, settings.width, ''));
  if (!settings.quiet && !simulated && !asked) {
    lines.push(
      settings.palette.dim(
        `Read ${byteSize(summary.bytesRead)} in ${duration(summary.milliseconds)}${transferred(targets)}.`,
      ),
    );
  }
  for (const line of simulated || settings.quiet ? [] : rebuildLines(report))
    lines.push(paragraph(printable(line), settings.width, ''));
  if (!simulated && targets.some(isDamagedCopy)) {
    const advice = 'This is a copy: where the original is whole, or another copy, make or restore it again.';
    lines.push(paragraph(advice, settings.width, ''));
  }
  const said = (what: string) => paragraph(printable(what), settings.width, '');
  for (const target of targets) lines.push(...serviceText(target, settings));
  for (const target of targets) lines.push(...unpackLines(target, settings));
  lines.push(...next);
  const others = simulated || settings.quiet ? [] : [otherCommand(report), contentsCommand(report)];
  for (const other of others)
    if (other !== undefined) lines.push(said(`${other.what}:`), commandLine('also', other.command, settings));
  return `${[...lines, ...restorableLines(report)].join('\n')}\n`;
}

/** The last word on every backup directory: not wrapped, so that a script finds it on one line. */
function restorableLines(report: Report): string[] {
  const { targets } = report;
  return targets.flatMap((target) => {
    const line = restorableLine(target, report);
    if (line === undefined) return [];
    return [targets.length > 1 ? `${printable(target.path)}: ${line}` : line];
  });
}
