import { redisCommand } from '../app/redis/word.js';
import { counted, grouped, offsetText } from '../finding/quantity.js';
import { decodeBatch } from '../format/batch/decode.js';
import type { LoggedBatch } from '../recovery/logged-batches.js';
import { printable, printableBytes } from '../report/printable.js';
import type { RenderSettings } from '../report/reporter.js';
import { paragraph } from '../report/text/layout.js';
import { plainTable, rendered } from '../report/text/table.js';
import { areDifferent, type Comparison } from './compare.js';
import type { Divergence, Span } from './history.js';

/** Differences that are shown without --verbose. */
const SHOWN = 20;
/** Bytes of a word of a command that is only shown. */
const LONGEST_WORD = 60;

const range = ({ first, last }: Span) => `${first}–${last}`;

function historyText({ history }: Comparison): string {
  const { a, b, same, divergences } = history;
  const spans = `logs span sequences ${a ? range(a) : 'none'} in A, ${b ? range(b) : 'none'} in B`;
  return `${spans}; ${counted(same, 'batch is', 'batches are')} the same, ${grouped(divergences)} not\n`;
}

function batchText(
  side: string,
  batch: LoggedBatch | undefined,
  { application }: Comparison,
  settings: RenderSettings,
): string {
  if (batch === undefined) return `  ${side}  no batch begins here\n`;
  const { file, offset, count } = batch;
  const place = `${printable(file)} at ${offsetText(offset)}, ${counted(count, 'operation')}`;
  if (application === undefined) return `  ${side}  ${place}\n`;
  const commands = application.compare
    .commandsOf(decodeBatch(batch.bytes).ops)
    .map(({ words, exact }) => `${redisCommand(words, LONGEST_WORD)}${exact ? '' : ' …'}`);
  const shown = commands.slice(0, settings.verbose ? commands.length : 5);
  const rest = commands.length - shown.length;
  const said = shown.join('; ') + (rest > 0 ? `; and ${grouped(rest)} more` : '');
  return `${paragraph(`${said || 'no command'}   ${place}`, settings.width, `  ${side}  `)}\n`;
}

function divergenceText(divergence: Divergence, comparison: Comparison, settings: RenderSettings): string {
  const { sequence, a, b } = divergence;
  return [
    `${settings.palette.error('parted')} at sequence ${settings.palette.strong(String(sequence))}\n`,
    batchText('A', a, comparison, settings),
    batchText('B', b, comparison, settings),
  ].join('');
}

function familiesText({ contents }: Comparison, settings: RenderSettings): string {
  if (contents === undefined) return '';
  const table = plainTable(
    ['column family', 'in A', 'in B', 'differ'],
    ['left', 'right', 'right', 'right'],
    settings,
  );
  const number = (count: number | undefined) => (count === undefined ? 'absent' : grouped(count));
  for (const { name, entries, differences, problem } of contents.families) {
    const unread = problem !== undefined && entries.a === undefined && entries.b === undefined;
    const row = unread
      ? ['', '', 'not compared']
      : [number(entries.a), number(entries.b), grouped(differences)];
    table.push([printable(name), ...row]);
  }
  return `${rendered(table)}\n`;
}

function entriesText({ contents, application }: Comparison, settings: RenderSettings): string {
  const kept = contents?.first ?? [];
  const keyless = application?.compare.keyless;
  const all = keyless === undefined ? kept : kept.filter(({ family }) => keyless.has(family));
  const value = (bytes: Uint8Array | undefined) => (bytes === undefined ? 'absent' : printableBytes(bytes));
  const shown = all
    .slice(0, settings.verbose ? all.length : SHOWN)
    .map(
      ({ family, key, a, b }) =>
        `${settings.palette.error('differs')} ${printable(family)} ${printableBytes(key)}\n  A  ${value(a)}\n  B  ${value(b)}\n`,
    );
  const among = keyless === undefined ? (contents?.differences ?? 0) : all.length;
  return shown.join('') + more(among - shown.length);
}

const more = (rest: number) => (rest > 0 ? `and ${grouped(rest)} more\n` : '');

function objectsText({ application }: Comparison, settings: RenderSettings): string {
  if (application === undefined) return '';
  const { compare, differences: all } = application;
  const shown = all.slice(0, settings.verbose ? all.length : SHOWN).map((difference) => {
    const { namespace, key, type, entries, commands, complete } = difference;
    const place = namespace === compare.defaultNamespace ? '' : ` in namespace ${printable(namespace)}`;
    const head = `${settings.palette.error('differs')} ${settings.palette.strong(redisCommand([key], 200))} (${type}${place}), ${counted(entries, 'entry', 'entries')}\n`;
    // a command that is to be copied is never cut
    const kept = commands.slice(0, settings.verbose ? commands.length : SHOWN);
    const lines = kept.map((words) => `  repair  ${redisCommand(words)}\n`);
    const rest = commands.length - kept.length;
    if (rest > 0) lines.push(`  and ${grouped(rest)} more; --verbose shows them\n`);
    if (!complete) lines.push('  repair  a full synchronisation of B: no commands do all of it\n');
    else if (commands.length === 0) lines.push('  leftovers of a value that is no more: nothing to repair\n');
    return head + lines.join('');
  });
  return shown.join('') + more(all.length - shown.length);
}

/** A comparison for a person. */
export function comparisonText(comparison: Comparison, settings: RenderSettings): string {
  const { a, b, contents, history, application, unread } = comparison;
  const parts = [`A  ${printable(a)}\nB  ${printable(b)}\n${historyText(comparison)}\n`];
  const shown = history.first.slice(0, settings.verbose ? history.first.length : 3);
  parts.push(...shown.map((each) => divergenceText(each, comparison, settings)));
  parts.push(more(history.divergences - shown.length), familiesText(comparison, settings), '\n');
  parts.push(objectsText(comparison, settings), entriesText(comparison, settings));
  if (application?.differences.some(({ commands }) => commands.length > 0))
    parts.push(`${application.compare.advice}\n`);
  const beyond = (contents?.differences ?? 0) - (contents?.first.length ?? 0);
  if (beyond > 0 && application !== undefined)
    parts.push(`${grouped(beyond)} entries more differ; commands do not cover them.\n`);
  parts.push(...unread.map((reason) => `not compared: ${printable(reason)}\n`));
  const verdict = areDifferent(comparison)
    ? `They differ: ${counted(contents?.differences ?? 0, 'entry', 'entries')}, ${counted(history.divergences, 'batch', 'batches')}.`
    : unread.length > 0
      ? 'No difference in what could be compared.'
      : 'No difference.';
  return `${parts.join('')}${verdict}\n`;
}
