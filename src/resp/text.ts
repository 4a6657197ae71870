import { byteSize, counted, grouped, offsetText } from '../finding/quantity.js';
import { printable } from '../report/printable.js';
import type { RenderSettings } from '../report/reporter.js';
import { paragraph } from '../report/text/layout.js';
import { type CaptureCheck, isBroken } from './check.js';
import { commandText, labelled } from './command-text.js';
import type { BrokenExec, Misfit } from './pair.js';
import type { RespProblem } from './value.js';

/** Things of one kind that are shown without --verbose. */
const SHOWN = 10;
const titles: Record<BrokenExec['kind'], string> = {
  'surplus-error': 'an error after EXEC’s array answers no request',
  'surplus-reply': 'EXEC’s array has more elements than commands were queued',
  'too-few-elements': 'EXEC’s array has fewer elements than it announces',
};

const misfitTitles: Record<Misfit['kind'], string> = {
  'unexpected-reply': 'this cannot be the reply to its request',
  'unsolicited-reply': 'a reply that nobody asked for',
  unanswered: 'requests without a reply: the capture of replies ends here',
};

function brokenText(broken: BrokenExec, inferred: boolean, settings: RenderSettings): string {
  const { palette } = settings;
  const { kind, reply, at, length, error, acknowledged, request, takenFor } = broken;
  const announced = `${counted(reply.announced, 'element')} announced at ${offsetText(reply.offset)}, ${grouped(reply.elements)} there`;
  const lost = kind === 'surplus-error' ? acknowledged : [];
  const parts = [
    `${palette.error('error')} ${palette.strong(titles[kind])}   replies at ${offsetText(at)}, ${counted(length, 'byte')}\n`,
    labelled('array', announced, settings),
  ];
  if (error !== undefined) parts.push(labelled('says', `-${printable(error)}`, settings));
  if (!inferred) {
    parts.push(labelled('EXEC', `requests at ${offsetText(request.offset)}`, settings));
    for (const each of lost.slice(0, settings.verbose ? lost.length : SHOWN))
      parts.push(
        labelled(
          'told OK',
          `${commandText(each)}   requests at ${offsetText(each.offset)}, not written`,
          settings,
        ),
      );
    if (takenFor !== undefined)
      parts.push(
        labelled(
          'then',
          `the client takes it for the reply to ${takenFor.name} at ${offsetText(takenFor.offset)}, and each reply from there on for the one before`,
          settings,
        ),
      );
  }
  return `${parts.join('')}\n`;
}

function problemText(
  stream: string,
  { offset, length, message }: RespProblem,
  settings: RenderSettings,
): string {
  const place = `${stream} at ${offsetText(offset)}, ${counted(length, 'byte')}`;
  return `${settings.palette.warning('broken')} ${printable(message)}   ${place}\n`;
}

function misfitText({ kind, offset, length, request }: Misfit, settings: RenderSettings): string {
  const mark = kind === 'unanswered' ? settings.palette.note('note') : settings.palette.error('error');
  const asked =
    request === undefined || request.words.length === 0
      ? ''
      : `: ${request.name} at ${offsetText(request.offset)}`;
  return `${mark} ${misfitTitles[kind]}${asked}   replies at ${offsetText(offset)}${length > 0 ? `, ${counted(length, 'byte')}` : ''}\n`;
}

function some<T>(items: readonly T[], show: (item: T) => string, { verbose }: RenderSettings): string {
  const shown = items.slice(0, verbose ? items.length : SHOWN);
  const rest = items.length - shown.length;
  return shown.map(show).join('') + (rest > 0 ? `  and ${grouped(rest)} more; --verbose shows them\n` : '');
}

/** What is wrong with a capture, for a person. */
export function captureText(check: CaptureCheck, settings: RenderSettings, searched = false): string {
  const { requests, replies, broken, misfits, paired, inferred, unpairedFrom } = check;
  const asked = requests && `${counted(requests.count, 'request')} (${byteSize(requests.bytes)})`;
  const parts = [
    `${asked ?? 'No requests'}, replies of ${byteSize(replies.bytes)}; ${counted(paired, 'pair')}${inferred ? ', requests taken from the replies: --requests FILE makes it certain' : ''}\n\n`,
    some(requests?.problems ?? [], (each) => problemText('requests', each, settings), settings),
    some(replies.problems, (each) => problemText('replies', each, settings), settings),
    some(broken, (each) => brokenText(each, inferred, settings), settings),
    some(misfits, (each) => misfitText(each, settings), settings),
  ];
  if (unpairedFrom !== undefined)
    parts.push(
      `After ${unpairedFrom.name} at ${offsetText(unpairedFrom.offset)} replies do not go one to a request: the rest is not paired.\n`,
    );
  const failed = broken.filter(({ kind }) => kind === 'surplus-error');
  if (failed.length > 0) {
    const told = failed.reduce((sum, { acknowledged }) => sum + acknowledged.length, 0);
    const writes = inferred
      ? ''
      : ` ${counted(told, 'command')} in them got a reply as if made, and were not.`;
    parts.push(
      paragraph(
        `${counted(failed.length, 'EXEC', 'EXECs')} failed after their array had been sent.${writes} Kvrocks before 2.13 does that when a commit is refused (apache/kvrocks#2992). Nothing of it is on disk. Close the connection, and write again what is proven to be absent${searched ? '' : ': --dir DB looks for it'}.`,
        Math.min(settings.width, 110),
        '',
      ),
      '\n',
    );
  }
  parts.push(
    isBroken(check) ? 'The connection breaks the protocol.\n' : 'Each reply goes with its request.\n',
  );
  return parts.join('');
}
