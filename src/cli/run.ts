import { type Command, CommanderError } from 'commander';
import { BeyondLimit } from '../bytes/beyond-limit.js';
import { permissionHint } from '../io/file-user.js';
import { Interrupted } from '../io/interruption.js';
import { systemCode } from '../io/target-error.js';
import { printable } from '../report/printable.js';
import { ExitStatus } from './exit-status.js';
import { Failure, systemText } from './failure.js';
import type { Host } from './host.js';
import { makeProgram } from './program.js';
import { lineOf, show } from './say.js';
import { streamSink } from './sink.js';

function wantsTrace(argv: readonly string[], host: Host): boolean {
  return Boolean(host.env.KVDOCTOR_DEBUG) || argv.includes('--verbose') || argv.includes('-v');
}

/** Someone who types a path where a command belongs wants it scanned. */
function usageHint(message: string, command: string | undefined): string {
  const unknown = /unknown command '([^']*)'/.exec(message)?.[1];
  if (unknown !== undefined && /[/.\\]/.test(unknown)) return `To scan it: kvdoctor scan ${unknown}`;
  return `How it is used: kvdoctor ${command === undefined ? '' : `${command} `}--help`;
}

/** The command that was typed, if it is one. */
function commandOf({ commands }: Command, argv: readonly string[]): string | undefined {
  const first = argv.find((word) => !word.startsWith('-'));
  return commands.find((command) => command.name() === first)?.name();
}

/** A line end in a message comes from data: it is shown, and begins no line. */
const oneLine = (text: string) => text.replaceAll('\n', '\\x0a');

/** What went wrong, for a person, and the exit status that it makes. */
function explainFailure(error: unknown, trace: boolean, command?: string): { text: string; status: number } {
  if (error instanceof CommanderError) {
    const message = error.message.replace(/^error: /, '').replace(/\n\(/, ' (');
    return { text: `${oneLine(message)}\n${usageHint(message, command)}`, status: ExitStatus.usage };
  }
  const stack = trace && error instanceof Error ? `\n${error.stack}` : '';
  if (error instanceof Failure) {
    return {
      text:
        [
          oneLine(error.message),
          ...(error.hint === undefined ? [] : [oneLine(error.hint)]),
          ...(error.command === undefined ? [] : [`next  ${oneLine(error.command)}`]),
        ].join('\n') + stack,
      status: error.status,
    };
  }
  if (error instanceof Interrupted)
    return { text: 'interrupted before anything was known', status: ExitStatus.interrupted };
  if (error instanceof BeyondLimit) {
    return { text: `unchecked ${oneLine(printable(error.message))}${stack}`, status: ExitStatus.incomplete };
  }
  if (systemCode(error) !== undefined) {
    const { path } = error as NodeJS.ErrnoException;
    const at = path === undefined ? '' : `${printable(path)}: `;
    const denied = path !== undefined && ['EACCES', 'EPERM'].includes(systemCode(error)!);
    const hint = denied ? permissionHint(path) : undefined;
    const next = hint === undefined ? '' : `\n${oneLine(hint)}.`;
    return { text: oneLine(at + systemText(error)) + next + stack, status: ExitStatus.incomplete };
  }
  const message = error instanceof Error ? error.message : String(error);
  const advice = trace
    ? ''
    : '\nThis is a fault of kvdoctor itself. Run it again with KVDOCTOR_DEBUG=1 and report what it prints.';
  return { text: `internal error: ${oneLine(message)}${advice}${stack}`, status: ExitStatus.incomplete };
}

/** Runs one command line (without node and script) and returns its exit status. Never throws. */
export async function run(argv: readonly string[], host: Host): Promise<number> {
  const errors = streamSink(host.stderr);
  // commander writes help and version to the stream itself: a reader who goes away is handled there too
  streamSink(host.stdout);
  let status: number = ExitStatus.ok;
  const program = makeProgram(host, (outcome) => {
    status = outcome;
  });
  try {
    if (argv.length === 0) {
      show(host, [program.helpInformation()]);
      return ExitStatus.usage;
    }
    await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    // help and version arrive as errors of status 0
    if (error instanceof CommanderError && error.exitCode === 0) return ExitStatus.ok;
    const failure = explainFailure(error, wantsTrace(argv, host), commandOf(program, argv));
    for (const line of `kvdoctor: ${failure.text}`.split('\n')) await errors.write(lineOf(line));
    status = failure.status;
  }
  await errors.close();
  return status;
}
