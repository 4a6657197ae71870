import type { Unchecked } from '../check/unit.js';
import type { Finding } from '../finding/finding.js';
import { counted } from '../finding/quantity.js';
import { wellFormed } from './location.js';
import { printable } from './printable.js';
import type { BackupReport, FileReport, Report, TargetReport } from './report.js';
import { plainPalette, type Reporter } from './reporter.js';
import { errorsOfBackup } from './restorable.js';
import { fileOf, findingText } from './text/finding.js';

/** With more files than this, those that are clean make one test case for each kind: CI systems list every case. */
const LISTED = 2000;

/** Findings written out in one test case. */
const WRITTEN = 20;

const settings = { width: 100, palette: plainPalette, verbose: true, quiet: false };

// what XML 1.0 cannot hold in any spelling
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const impossible = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g;

const entities: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\n': '&#10;',
};

/** Text between tags. */
function text(value: string): string {
  return wellFormed(value)
    .replace(impossible, '\ufffd')
    .replace(/[&<>]/g, (character) => entities[character]);
}

/** An attribute with its value. */
function attribute(name: string, value: string | number): string {
  const escaped = printable(String(value)).replace(impossible, '\ufffd');
  return ` ${name}="${escaped.replace(/[&<>"\n]/g, (character) => entities[character])}"`;
}

/** A file, or a kind of clean files, as a test. */
interface Case {
  name: string;
  errors: Finding[];
  others: Finding[];
  unchecked: Unchecked[];
  /** Why it neither passes nor fails. */
  skipped?: string;
}

const seconds = (milliseconds: number) => (milliseconds / 1000).toFixed(3);

function findingsText(findings: readonly Finding[]): string {
  const shown = findings.slice(0, WRITTEN).map((finding) => findingText(finding, settings));
  const more = findings.length - shown.length;
  return shown.join('\n') + (more > 0 ? `\n… and ${counted(more, 'more finding')}\n` : '');
}

function caseXml({ name, errors, others, unchecked, skipped }: Case, target: TargetReport): string {
  const head = `    <testcase${attribute('classname', target.path)}${attribute('name', name)}`;
  const parts: string[] = [];
  if (errors.length > 0) {
    const [first] = errors;
    const more = errors.length > 1 ? ` (and ${counted(errors.length - 1, 'more error')})` : '';
    parts.push(
      `      <failure${attribute('type', first.rule)}${attribute('message', first.message + more)}>${text(findingsText(errors))}</failure>\n`,
    );
  }
  if (unchecked.length > 0) {
    const reasons = unchecked.map(({ reason, offset }) =>
      offset === undefined ? reason : `${reason} (at ${offset})`,
    );
    parts.push(
      `      <error type="unchecked"${attribute('message', `Not checked: ${reasons[0]}`)}>${text(reasons.join('\n'))}</error>\n`,
    );
  }
  if (skipped !== undefined) parts.push(`      <skipped${attribute('message', skipped)}/>\n`);
  if (others.length > 0) parts.push(`      <system-out>${text(findingsText(others))}</system-out>\n`);
  return parts.length === 0 ? `${head}/>\n` : `${head}>\n${parts.join('')}    </testcase>\n`;
}

/** Every file that was checked or should have been; what was found beside them stands under its own name. */
function casesOf(target: TargetReport, interrupted: boolean): Case[] {
  const cases = new Map<string, Case>();
  const at = (path: string) => {
    const known = cases.get(path);
    if (known !== undefined) return known;
    const made: Case = { name: path, errors: [], others: [], unchecked: [] };
    cases.set(path, made);
    return made;
  };
  const few = target.files.length <= LISTED;
  const clean = new Map<FileReport['kind'], number>();
  for (const file of target.files) {
    if (file.status === 'ignored') continue;
    if (file.status === 'clean' && !few) clean.set(file.kind, (clean.get(file.kind) ?? 0) + 1);
    else at(fileOf({ file: file.path, root: file.root }));
  }
  for (const finding of target.findings) {
    const { errors, others } = at(fileOf(finding));
    // what the baseline has does not fail
    (finding.severity === 'error' && !finding.known ? errors : others).push(finding);
  }
  for (const each of target.unchecked) at(each.file).unchecked.push(each);
  for (const [kind, count] of clean) {
    cases.set(`clean ${kind}`, {
      name: `${kind}: ${counted(count, 'clean file')}`,
      errors: [],
      others: [],
      unchecked: [],
    });
  }
  for (const backup of target.backups ?? []) cases.set(`backup ${backup.id}`, backupCase(target, backup));
  if (interrupted) {
    at('(the whole scan)').unchecked.push({
      file: '.',
      reason: 'the scan was interrupted before it had read everything',
    });
  }
  return [...cases.values()];
}

/** A backup as a test: it passes when it can be restored. One that is unfinished is skipped, as the engine skips it. */
function backupCase(target: TargetReport, { id, verdict }: BackupReport): Case {
  const errors = errorsOfBackup(target, id).filter(({ known }) => !known);
  const reason = 'not everything that the backup needs could be checked';
  return {
    name: `backup ${id}`,
    errors: verdict === 'damaged' ? errors : [],
    others: [],
    unchecked: verdict === 'incomplete' ? [{ file: `meta/${id}`, reason }] : [],
    ...(verdict === 'unfinished' && { skipped: 'unfinished: the engine does not know it' }),
  };
}

const failing = (cases: readonly Case[]) => cases.filter(({ errors }) => errors.length > 0).length;
const erring = (cases: readonly Case[]) => cases.filter(({ unchecked }) => unchecked.length > 0).length;

function counts(cases: readonly Case[]): string {
  return (
    attribute('tests', cases.length) +
    attribute('failures', failing(cases)) +
    attribute('errors', erring(cases))
  );
}

/**
 * JUnit XML as Jenkins, GitLab and others read it: a suite for each target, a test for each file and each backup. An error fails the test, what
 * could not be checked is an error of the test, warnings and notes are its output.
 */
export function junitReporter(): Reporter {
  return {
    *render(report: Report) {
      const { startedAt, milliseconds, interrupted = false } = report.summary;
      const suites = report.targets.map((target) => ({ target, cases: casesOf(target, interrupted) }));
      const all = suites.flatMap(({ cases }) => cases);
      const time = attribute('time', seconds(milliseconds));
      yield '<?xml version="1.0" encoding="UTF-8"?>\n';
      yield `<testsuites name="kvdoctor"${counts(all)}${time}>\n`;
      for (const { target, cases } of suites) {
        const skipped = attribute('skipped', cases.filter((each) => each.skipped !== undefined).length);
        yield `  <testsuite${attribute('name', target.path)}${counts(cases)}${skipped}${attribute('timestamp', startedAt.replace(/\.\d+Z$/, ''))}${suites.length === 1 ? time : ''}>\n`;
        for (const each of cases) yield caseXml(each, target);
        yield '  </testsuite>\n';
      }
      yield '</testsuites>\n';
    },
  };
}
