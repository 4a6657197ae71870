import { counted, grouped, offsetText } from '../finding/quantity.js';
import { printable } from '../report/printable.js';
import type { RenderSettings } from '../report/reporter.js';
import { paragraph } from '../report/text/layout.js';
import type { DatabaseCheck, WriteVerdict } from './against.js';
import { commandText, labelled } from './command-text.js';

/** Verdicts of a kind that are shown without --verbose. */
const SHOWN = 10;

const marks = { absent: 'absent', undecided: 'open' } as const;

/** Which acknowledged writes a database does not hold. */
export function* databaseText(check: DatabaseCheck, settings: RenderSettings): Iterable<string> {
  const { directory, reason, mode, logs, written, absent, undecided, replaced, verdicts, again } = check;
  const { palette, width, verbose } = settings;
  const text = (sentence: string) => `${paragraph(sentence, Math.min(width, 110), '')}\n`;
  yield `${palette.strong(printable(directory))}   `;
  if (reason !== undefined) {
    yield `${palette.warning('not looked at')}: ${printable(reason)}\n`;
    return;
  }
  const span = logs === undefined ? 'no logs' : `logs of sequences ${logs.first}–${logs.last}`;
  yield `as recovery in ${mode} mode leaves it, ${span}\n\n`;
  for (const state of ['absent', 'undecided'] as const) {
    const ofState = verdicts.filter((verdict) => verdict.state === state);
    const shown = verbose ? ofState : ofState.slice(0, SHOWN);
    for (const verdict of shown) yield verdictText(verdict, marks[state], settings);
    const left = check[state] - shown.length;
    if (left > 0) yield `  and ${grouped(left)} more; --verbose shows them\n\n`;
  }
  const sum = written + absent + undecided + replaced;
  const proven = verdicts.filter((verdict) => verdict.proven).length;
  yield text(
    `${counted(sum, 'acknowledged write')}: ${grouped(written)} there, ${grouped(absent)} absent${absent > 0 ? ` (${grouped(proven)} proven)` : ''}, ${grouped(undecided)} undecided${replaced > 0 ? `, ${grouped(replaced)} replaced by later ones, so that it cannot be told and makes no difference` : ''}.`,
  );
  if (again.length === 0) return;
  yield text(
    'To be written again, unless another connection has written something newer since. What a later write of this connection replaces is left out:',
  );
  for (const { request } of again.slice(0, verbose ? again.length : SHOWN))
    yield `  ${commandText(request, Number.POSITIVE_INFINITY)}\n`;
  if (!verbose && again.length > SHOWN)
    yield `  and ${grouped(again.length - SHOWN)} more; --verbose shows them\n`;
}

function verdictText(
  { write, proven, because, readersSee, harmless }: WriteVerdict,
  mark: string,
  settings: RenderSettings,
): string {
  const { palette } = settings;
  const { request, refused, exec } = write;
  const paint = mark === 'absent' ? palette.error : palette.warning;
  const where = refused ? ', in an EXEC that failed' : exec === undefined ? '' : ', in an EXEC';
  return [
    `${paint(mark)} ${palette.strong(commandText(request))}   requests at ${offsetText(request.offset)}${where}\n`,
    labelled(proven ? 'proof' : 'because', because, settings),
    readersSee === undefined ? '' : labelled('now', printable(readersSee), settings),
    harmless ? labelled('now', 'the same: another write left it so', settings) : '',
    '\n',
  ].join('');
}
