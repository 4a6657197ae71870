import { causes, type LogPlace, type Sighting, type Verified } from '../app/log-knowledge.js';
import type { Finding } from '../finding/finding.js';
import { byteSize, counted, grouped, offsetText } from '../finding/quantity.js';
import { shellWord } from '../finding/shell-word.js';
import { referenceUrl } from '../report/explain.js';
import { printable } from '../report/printable.js';
import type { RenderSettings } from '../report/reporter.js';
import { paint } from '../report/text/finding.js';
import { paragraph } from '../report/text/layout.js';
import { type Checked, type Confirmation, gaps, unspoken } from './confirm.js';
import type { Triage } from './triage.js';

/** A command with the directory that it is about. */
export function command(template: string, directory: string | undefined): string {
  return template.replaceAll('{dir}', directory === undefined ? 'DIR' : shellWord(directory));
}

/** Findings of a scan that are shown for one symptom. */
const SHOWN_FINDINGS = 3;

const LABEL = 8;

interface Shown extends RenderSettings {
  directory: string | undefined;
}

function labelled(label: string, text: string, { width, palette }: RenderSettings): string {
  return `${paragraph(text, Math.min(width, 110), `  ${palette.dim(label.padEnd(LABEL))}`)}\n`;
}

function commands(next: readonly string[], settings: Shown): string {
  return next
    .map((each, i) => {
      const label = settings.palette.dim((i === 0 ? 'next' : 'also').padEnd(LABEL));
      return `  ${label}${printable(command(each, settings.directory))}\n`;
    })
    .join('');
}

function links(references: readonly string[], settings: RenderSettings): string {
  return labelled('see', references.map((each) => referenceUrl(each) ?? each).join('  '), settings);
}

function placeText({ line, text }: LogPlace, { width, palette }: RenderSettings): string {
  return `${paragraph(printable(text), width, palette.dim(`  ${line} | `))}\n`;
}

function countText({ count, first, last }: Sighting): string {
  if (count === 1) return `line ${first.line}`;
  return `${counted(count, 'line')}, ${first.line} to ${last.line}`;
}

function confirmationText(
  confirmation: Confirmation | undefined,
  directory: string,
  settings: RenderSettings,
): string {
  if (confirmation === undefined) return '';
  const { findings, elsewhere } = confirmation;
  if (findings.length === 0) {
    return labelled(
      'files',
      `a scan of ${printable(directory)} finds nothing of the kind now: it went by (memory, a bus, another process), was repaired, or this is another directory`,
      settings,
    );
  }
  const note = elsewhere ? labelled('', 'in other files than the log names', settings) : '';
  return findingsText('files', findings, settings) + note;
}

function findingsText(label: string, findings: readonly Finding[], settings: RenderSettings): string {
  const shown = findings.slice(0, settings.verbose ? findings.length : SHOWN_FINDINGS).map((finding) => {
    const at = finding.offset === undefined ? '' : ` at ${offsetText(finding.offset)}`;
    return labelled(label, printable(`${finding.rule}  ${finding.file}${at}: ${finding.message}`), settings);
  });
  const rest = findings.length - shown.length;
  if (rest > 0) shown.push(labelled('', `and ${grouped(rest)} more`, settings));
  return shown.join('');
}

/** What the files themselves say, whatever the log says. */
function scanText(checked: Checked, settings: Shown): string {
  const { directory, report } = checked;
  const errors = report.findings.filter(({ severity }) => severity === 'error').length;
  const warnings = report.findings.filter(({ severity }) => severity === 'warning').length;
  const unread = gaps(report);
  const counts = [
    errors > 0 && counted(errors, 'error'),
    warnings > 0 && counted(warnings, 'warning'),
    unread.length > 0 && `${counted(unread.length, 'file or range', 'files or ranges')} not checked`,
  ].filter((part) => part);
  const other = unspoken(checked);
  const more = other.length > 0 && other.length < errors + warnings ? '; besides what stands above' : '';
  return [
    `${settings.palette.strong(`A scan of ${printable(directory)}`)}   ${counts.join(', ') || 'no errors or warnings'}${more}\n`,
    findingsText('finds', other, settings),
    ...unread
      .slice(0, SHOWN_FINDINGS)
      .map(({ file, reason }) =>
        labelled('unread', printable(file === '.' ? reason : `${file}: ${reason}`), settings),
      ),
    other.length + unread.length > 0 ? commands(['kvdoctor scan {dir}'], settings) : '',
    '\n',
  ].join('');
}

const verdicts: Record<Verified['verdict'], string> = {
  'borne-out': 'they bear it out',
  contradicted: 'they speak against it',
  open: 'they do not settle it',
};

function verifiedText(verified: Verified | undefined, settings: RenderSettings): string {
  if (verified === undefined) return '';
  return labelled('files', `${verdicts[verified.verdict]}: ${printable(verified.detail)}`, settings);
}

function sightingText(sighting: Sighting, settings: Shown, confirmation: string): string {
  const { symptom, first, last, count, files } = sighting;
  const { palette } = settings;
  const title = `${paint(palette, symptom.severity)(symptom.severity)} ${palette.strong(symptom.id)}`;
  return [
    `${title}   ${countText(sighting)}\n`,
    placeText(first, settings),
    count > 1 && last.text !== first.text ? placeText(last, settings) : '',
    labelled('means', symptom.meaning, settings),
    labelled('look at', symptom.look, settings),
    files.length > 0 ? labelled('named', files.map(printable).join(', '), settings) : '',
    symptom.causes.length > 0
      ? labelled('cause', symptom.causes.map((code) => causes[code]).join('; or '), settings)
      : '',
    labelled('do', symptom.action, settings),
    confirmation,
    commands(symptom.next, settings),
    symptom.references.length > 0 ? links(symptom.references, settings) : '',
    '\n',
  ].join('');
}

/** What a log says, for a person: known incidents first, then symptoms, worst first. */
export function triageText(log: string, triage: Triage, settings: RenderSettings, checked?: Checked): string {
  const { palette } = settings;
  const shown: Shown = { ...settings, directory: checked?.directory ?? triage.directory };
  const programs = triage.programs.map(({ name, version }) => (version ? `${name} ${version}` : name));
  const head = [`${counted(triage.lines, 'line')}, ${byteSize(triage.bytes)}`, ...programs].join('; ');
  const parts = [`${palette.strong(printable(log))}   ${head}\n\n`];
  for (const incident of triage.incidents) {
    parts.push(
      `${paragraph(`${palette.strong(incident.title)} (${incident.certainty})`, settings.width, `${palette.error('incident')} `)}\n`,
      labelled('because', incident.basis, settings),
      labelled('story', incident.detail, settings),
      verifiedText(checked?.verified.get(incident), settings),
      commands(incident.next, shown),
      links(incident.references, settings),
      '\n',
    );
  }
  for (const sighting of triage.sightings) {
    if (settings.quiet && sighting.symptom.severity === 'note') continue;
    const confirmation =
      checked === undefined
        ? ''
        : confirmationText(checked.confirmations.get(sighting), checked.directory, settings);
    parts.push(sightingText(sighting, shown, confirmation));
  }
  if (checked !== undefined) parts.push(scanText(checked, shown));
  const known = triage.sightings.length;
  parts.push(
    known === 0 && triage.incidents.length === 0
      ? 'Nothing in this log is known to speak of damage.\n'
      : `${counted(known, 'symptom')}, ${counted(triage.incidents.length, 'known incident')}.\n`,
  );
  return parts.join('');
}
