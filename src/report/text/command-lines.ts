import type { EvidenceValue } from '../../finding/evidence.js';
import { counted, grouped } from '../../finding/quantity.js';
import { printable } from '../printable.js';
import type { LostCommandsReport } from '../report.js';
import { type EvidenceFields, evidenceText, fieldsText, isFields } from './evidence.js';
import { paragraph } from './layout.js';

/** A line of text and what stands before it. */
interface Line {
  label: string;
  text: string;
}

/** Lines of an application's words that are shown. */
const WORDS_SHOWN = 8;

/** What a finding costs, and beside it what the application calls that, a line each. */
export function impactLines(
  { summary, commands = [], commandsLeftOut, hits = [], hitsLeftOut, ...rest }: EvidenceFields,
  verbose = false,
): Line[] {
  const impact = summary === undefined ? fieldsText(rest) : evidenceText(summary);
  return [
    { label: 'impact', text: impact },
    ...hitLines({ hits, ...(hitsLeftOut !== undefined && { hitsLeftOut }) }, verbose),
    ...saidLines('holds', asFields(commands), Number(commandsLeftOut ?? 0), verbose),
  ];
}

/** What of the application's keys, regions, tables is hit. */
export function hitLines({ hits = [], hitsLeftOut = 0 }: EvidenceFields, verbose = false): Line[] {
  return saidLines('hits', asFields(hits), Number(hitsLeftOut), verbose);
}

const asFields = (value: EvidenceValue): EvidenceFields[] =>
  Array.isArray(value) ? value.filter(isFields) : [];

/** Lines of an application's words, the first ones or, `verbose`, all, with how many there are more. */
function saidLines(label: string, said: readonly EvidenceFields[], leftOut = 0, verbose = false): Line[] {
  const from = verbose ? 0 : windowBegin(said);
  const shown = verbose ? said : said.slice(from, from + WORDS_SHOWN);
  const more = said.length - from - shown.length + leftOut;
  const lines = shown.map((line) => saidText(line));
  if (from > 0) lines.unshift(`${from} before`);
  if (more > 0) lines.push(`and ${grouped(more)} more`);
  return lines.map((text, i) => ({ label: i === 0 ? label : '', text }));
}

/** The first line that is shown: where damage lies between them, what stands on either side of it says most. */
function windowBegin(said: readonly EvidenceFields[]): number {
  const behind = said.findIndex((line) => line.behindDamage === true);
  return behind <= 0 || said.length <= WORDS_SHOWN ? 0 : Math.max(0, behind - WORDS_SHOWN / 2);
}

/** A line as the application has it; of one that redaction has emptied, what is left. */
function saidText({ text, keyText: named, ...rest }: EvidenceFields): string {
  const behind = rest.behindDamage === true ? 'after the damage: ' : '';
  const line = text ?? named;
  if (typeof line === 'string') return behind + printable(line);
  const { command, key, arguments: words = [] } = rest;
  const parts = [command, key, ...(Array.isArray(words) ? words : [])].filter((part) => part !== undefined);
  return behind + (parts.length > 0 ? parts : [line ?? '']).map((part) => evidenceText(part)).join(' ');
}

/** A sentence on lines of its own; one of a list, which begins with a dash, hangs on it. */
export function sentenceLines(line: string, width: number, indent: string): string {
  const text = printable(line);
  return text.startsWith('- ')
    ? paragraph(text.slice(2), width, `${indent}- `)
    : paragraph(text, width, indent);
}

/** Kinds of commands that are listed. */
const KINDS_SHOWN = 12;
/** Lost commands that are shown. */
const COMMANDS_SHOWN = 5;

/** `that is 5 commands: 3 LPUSH, 2 LPOP`, and the first of them. */
export function commandSentences(
  { count, kinds = [], first, damagedBatches, batchesLeftOut }: LostCommandsReport,
  subject = 'that',
): string[] {
  const shown = kinds.slice(0, KINDS_SHOWN).map(({ kind, count: times }) => `${grouped(times)} ${kind}`);
  const more = kinds.length - shown.length;
  const list = [...shown, ...(more > 0 ? [`and ${counted(more, 'more kind')}`] : [])].join(', ');
  const head = `${subject} is ${counted(count, kinds.length > 0 ? 'command' : 'change')}${list === '' ? '' : `: ${list}`}`;
  const rest = batchesLeftOut
    ? `, and what ${counted(batchesLeftOut, 'more batch', 'more batches')} did`
    : '';
  const lines = saidLines('', first.slice(0, COMMANDS_SHOWN), count - Math.min(count, COMMANDS_SHOWN));
  const damaged = damagedBatches
    ? ` (of ${counted(damagedBatches, 'batch', 'batches')} the checksum does not hold)`
    : '';
  return [head + damaged + rest, ...lines.map(({ text }) => `- ${text}`)];
}
