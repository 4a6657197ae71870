import type { Finding, Severity } from '../../finding/finding.js';
import { counted, offsetText } from '../../finding/quantity.js';
import { printable } from '../printable.js';
import type { Palette, RenderSettings } from '../reporter.js';
import { textColumns } from './columns.js';
import { impactLines } from './command-lines.js';
import { fieldsText, hexWindowOf, labelledEvidence, spokenEvidence, withoutDetails } from './evidence.js';
import { hexLines } from './hexdump.js';
import { paragraph } from './layout.js';

/** The severity's colour. */
export function paint(palette: Palette, severity: Severity): (text: string) => string {
  return palette[severity];
}

/** The file's path, relative like the target's. */
export function fileOf(finding: Pick<Finding, 'file' | 'root'>): string {
  const name = printable(finding.file);
  return finding.root === undefined ? name : `${printable(finding.root).replace(/\/$/, '')}/${name}`;
}

/** `000021.log at 0x7a3a (31290), 412 bytes`. */
export function placeText(finding: Finding): string {
  const length = finding.length ? `, ${counted(finding.length, 'byte')}` : '';
  return fileOf(finding) + (finding.offset === undefined ? '' : ` at ${offsetText(finding.offset)}${length}`);
}

function headline(finding: Finding, { palette, width }: RenderSettings): string {
  const place = placeText(finding);
  const plainLength = finding.severity.length + 1 + finding.rule.length + 3 + textColumns(place);
  const head = `${paint(palette, finding.severity)(finding.severity)} ${palette.strong(finding.rule)}`;
  return plainLength <= width ? `${head}   ${place}` : `${head}\n  ${place}`;
}

function labelled(label: string, text: string, { palette, width }: RenderSettings): string {
  return paragraph(text, width, `  ${palette.dim(label.padEnd(6))} `);
}

function causeText({ detail, certainty, basis }: NonNullable<Finding['cause']>): string {
  return printable(`${detail} (${certainty}${basis === undefined ? '' : `: ${basis}`})`);
}

/** With a capital letter, where it begins with a word and not with a name. */
export function sentence(message: string): string {
  return /^[a-z]+[ ,]/.test(message) ? message[0].toUpperCase() + message.slice(1) : message;
}

/** A finding: severity, rule and place; what is wrong; the bytes; cause, proof, impact and the next step. */
export function findingText(finding: Finding, settings: RenderSettings): string {
  const { width, palette } = settings;
  const { evidence, message } = finding;
  const lines = [headline(finding, settings), paragraph(sentence(printable(message)), width, '  ')];
  const labels = labelledEvidence(evidence);
  const said = [message, ...labels.map(({ text }) => text)].join(' ');
  const spoken = spokenEvidence(settings.verbose ? evidence : withoutDetails(evidence), said);
  if (Object.keys(spoken).length > 0) lines.push(paragraph(fieldsText(spoken), width, '  '));
  for (const value of Object.values(evidence)) {
    const window = hexWindowOf(value);
    if (window !== undefined) lines.push(...hexLines(window, palette).map((line) => `  ${line}`));
  }
  if (finding.cause) lines.push(labelled('cause', causeText(finding.cause), settings));
  for (const { label, text } of labels) lines.push(labelled(label, text, settings));
  for (const { label, text } of finding.impact ? impactLines(finding.impact, settings.verbose) : [])
    lines.push(labelled(label, text, settings));
  // not wrapped: half a command is another command
  if (finding.next) lines.push(`  ${palette.dim('next  ')} ${printable(finding.next)}`);
  return `${lines.join('\n')}\n`;
}
