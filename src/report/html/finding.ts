import type { EvidenceValue } from '../../finding/evidence.js';
import type { Finding } from '../../finding/finding.js';
import { plainPalette } from '../reporter.js';
import { impactLines } from '../text/command-lines.js';
import {
  fieldsText,
  hexWindowOf,
  labelledEvidence,
  spokenEvidence,
  withoutDetails,
} from '../text/evidence.js';
import { fileOf, placeText, sentence } from '../text/finding.js';
import { hexLines } from '../text/hexdump.js';
import { html } from './escape.js';
import type { NumberedFinding } from './numbered.js';

/** Marks in a dump as elements: the brackets stay, so that a copy keeps them. */
const palette = { ...plainPalette, mark: (text: string) => `\u0001${text}\u0002` };

function dump(line: string): string {
  const text = line.replace(/[&<>]/g, (character) => ({ '&': '&amp;', '<': '&lt;' })[character] ?? '&gt;');
  return text.replaceAll('\u0002\u0001', '').replaceAll('\u0001', '<mark>').replaceAll('\u0002', '</mark>');
}

function line(label: string, text: string): string {
  return `<div class="line"><dt>${label}</dt><dd>${text}</dd></div>`;
}

/** A window of raw bytes that redaction has emptied. */
function isLeftOut(value: EvidenceValue): boolean {
  return typeof value === 'object' && 'hex' in value && hexWindowOf(value) === undefined;
}

/** One finding: a line that opens to show everything that is known of it. */
export function findingHtml(numbered: NumberedFinding, open: boolean): string {
  const { lines, dumps } = known(numbered.finding);
  return lineHtml(numbered, open, `<dl>${lines.join('')}</dl>${dumps.join('')}`);
}

/** One finding of so many that a page with all that is known of each would not open. */
export function briefHtml(numbered: NumberedFinding): string {
  return lineHtml(
    numbered,
    false,
    `<p class="dim">What is known of it is in the JSON report: --format json=FILE. <a href="#rule-${html(numbered.finding.rule)}">The rule</a></p>`,
  );
}

function known({ rule, message, evidence, cause, impact, next }: Finding): {
  lines: string[];
  dumps: string[];
} {
  const labels = labelledEvidence(evidence);
  const spoken = spokenEvidence(
    withoutDetails(evidence),
    [message, ...labels.map(({ text }) => text)].join(' '),
  );
  const lines = [
    ...(next ? [line('next', `<code>${html(next)}</code>`)] : []),
    ...(cause
      ? [line('cause', html(`${cause.detail} (${cause.certainty}${cause.basis ? `: ${cause.basis}` : ''})`))]
      : []),
    ...labels.map(({ label, text }) => line(label, html(text))),
    ...(impact ? impactLines(impact) : []).map(({ label, text }) => line(label, html(text))),
    ...(Object.keys(spoken).length > 0 ? [line('evidence', html(fieldsText(spoken)))] : []),
    line('rule', `<a href="#rule-${html(rule)}">what ${html(rule)} means</a>`),
  ];
  const dumps = Object.values(evidence).flatMap((value) => {
    const window = hexWindowOf(value);
    return window === undefined
      ? []
      : [`<pre class="hex" tabindex="0">${hexLines(window, palette).map(dump).join('\n')}</pre>`];
  });
  if (dumps.length === 0 && Object.values(evidence).some(isLeftOut)) {
    lines.push(line('bytes', 'left out of this page; with <code>--redact none</code> they are shown'));
  }
  return { lines, dumps };
}

function lineHtml({ finding, id }: NumberedFinding, open: boolean, details: string): string {
  const { severity, rule, message } = finding;
  const offset =
    finding.offset === undefined
      ? ''
      : ` data-offset="${finding.offset}" data-length="${finding.length ?? 0}"`;
  return `<details class="finding ${severity}" id="${id}" data-severity="${severity}" data-file="${html(fileOf(finding))}"${offset}${open ? ' open' : ''}><summary><span class="tag ${severity}">${severity}</span> <code class="rule">${html(rule)}</code> <span class="place">${html(placeText(finding))}</span> <span class="message">${html(sentence(message))}</span></summary>${details}</details>\n`;
}
