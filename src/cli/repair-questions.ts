import type { Leftover } from '../repair/leftovers.js';
import { redactTarget } from '../report/redact.js';
import type { TargetReport } from '../report/report.js';
import { plainPalette } from '../report/reporter.js';
import { planText } from '../report/text/plan.js';
import { paletteFor, wantsColour } from './colour.js';
import { canAsk, confirm } from './confirm.js';
import { ExitStatus } from './exit-status.js';
import { Failure } from './failure.js';
import type { Host } from './host.js';
import { stdoutWidth } from './outputs.js';
import type { RepairFlags } from './repair-options.js';
import { say, show } from './say.js';

/** What somebody is asked: what is shown first, and what is said where nobody can be asked. */
interface Question {
  show(): void;
  text: string;
  unasked: { message: string; next: string };
}

/** Asks; without a terminal only --yes is an answer. */
export async function agree(
  { show: shown, text, unasked }: Question,
  { yes }: RepairFlags,
  host: Host,
  signal: AbortSignal,
): Promise<boolean> {
  if (yes) return true;
  if (!canAsk(host)) throw new Failure(unasked.message, ExitStatus.usage, unasked.next);
  shown();
  return confirm(text, host, signal);
}

/** Whether a plan is to be carried out. */
export function questionOf(planned: TargetReport, flags: RepairFlags, host: Host): Question {
  const where = flags.inPlace ? `change ${planned.path}` : 'write the repaired copy';
  return {
    show: () => showPlan(planned, flags, host),
    text: `Carry it out and ${where}?`,
    unasked: {
      message: 'nobody can be asked without a terminal',
      next: 'To see the plan: --dry-run. To carry it out: --yes.',
    },
  };
}

function showPlan(planned: TargetReport, flags: RepairFlags, host: Host): void {
  const settings = {
    width: stdoutWidth(host),
    palette: host.stderr.isTTY ? paletteFor(wantsColour(flags.color, host.env, host.stderr)) : plainPalette,
    verbose: flags.verbose ?? false,
    quiet: false,
  };
  show(host, planText(redactTarget(planned, flags.redact ?? 'none'), settings));
}

/** Whether repairs that were begun and killed are to be ended. */
export function settlingQuestion(leftovers: readonly Leftover[], path: string, host: Host): Question {
  return {
    show: () => say(host, ...leftovers.map(leftoverText)),
    text: 'End it first?',
    unasked: {
      message: `a repair of ${path} was begun and not ended, and nobody can be asked without a terminal`,
      next: 'To end it: --yes.',
    },
  };
}

function leftoverText({ journal, phase, startedAt, entries }: Leftover): string {
  const what =
    phase === 'applying'
      ? 'will be finished'
      : phase === 'undoing'
        ? 'will be undone'
        : 'had changed nothing';
  const count = entries.length === 1 ? '1 file' : `${entries.length} files`;
  return `A repair of ${count}, begun at ${startedAt}, was not ended; it ${what}: ${journal}`;
}

/** What an interrupted repair has done, and what goes on or takes it back. `undo`: files in place change, and this undoes it. */
export function endingText(stage: string, undo: string | undefined): string {
  // a repair that was begun before may be ended just now
  if (stage === '') return 'ending; the same command begins anew, or goes on with a repair that was begun';
  if (stage === 'scanning the result') return `all files are written${takesBack(undo)}`;
  if (undo === undefined)
    return 'ending; this repair has changed nothing, and the same command begins anew; Ctrl-C again to stop at once';
  return `files are being changed; what is not done in a moment is left, and the same command finishes it${takesBack(undo)}`;
}

/** In which state a repair is left that does not end by itself; `undefined`: it takes away what it has written, and ends. */
export function leftText(stage: string, undo: string | undefined): string | undefined {
  if (stage === 'scanning the result')
    return 'the check of what was written is left out; kvdoctor scan makes it';
  if (stage !== 'writing') return '';
  return (
    undo &&
    `stopped while files were changed: an engine refuses the directory, or sees it as it was, until the same command finishes it${takesBack(undo)}`
  );
}

function takesBack(undo: string | undefined): string {
  return undo === undefined ? '' : `; to take the repair back: ${undo}`;
}
