import type { Command } from 'commander';
import { severities } from '../finding/finding.js';
import { targetAround } from '../io/real-place.js';
import type { Redaction } from '../report/redact.js';
import type { Report } from '../report/report.js';
import { plainPalette } from '../report/reporter.js';
import { verdictText } from '../report/text/verdict.js';
import { choice } from './choices.js';
import { type ColorChoice, colorChoices } from './colour.js';
import { ExitStatus, exitStatusOf, type FailOn } from './exit-status.js';
import { Failure } from './failure.js';
import type { Host } from './host.js';
import { formatOption, type OutputChoice, type Outputs, openOutputs } from './outputs.js';
import { say, show } from './say.js';

/** What the options that choose and shape outputs come to. */
export interface OutputFlags {
  format?: OutputChoice[];
  redact?: Redaction;
  sarifProfile?: 'github' | 'generic';
  color: ColorChoice;
  quiet?: true;
  verbose?: true;
}

/** Adds the options that every command with a report has. */
export function addOutputOptions(command: Command): Command {
  return command
    .addOption(formatOption())
    .addOption(choice('--redact <what>', 'leave private bytes out of the report', ['values', 'keys', 'none']))
    .addOption(
      choice('--sarif-profile <who>', 'the program that the SARIF is written for', ['generic', 'github']),
    )
    .addOption(choice('--color <when>', 'colour the output', colorChoices).default('auto'))
    .option('-q, --quiet', 'no progress, no notes, and no word of what is clean')
    .option('-v, --verbose', 'show every finding and every file; stack traces on failures');
}

/** The option that says which findings fail. */
export function failOnOption() {
  return choice('--fail-on <severity>', 'exit with status 1 for findings of this severity or worse', [
    ...severities,
    'never',
  ]);
}

/** Refuses a file to write that would lie in what a command reads: it would be read as a part of it, or replace one. */
export async function refuseOutputIn(file: string, targets: readonly string[]): Promise<void> {
  const target = await targetAround(file, targets);
  if (target === undefined) return;
  throw new Failure(
    `${file} lies in ${target}, where nothing is written`,
    ExitStatus.usage,
    'Name a file outside of it.',
  );
}

/** Opens the outputs that flags ask for. `targets`: what is read, by path. */
async function outputsOf(flags: OutputFlags, host: Host, targets: readonly string[]): Promise<Outputs> {
  for (const { file } of flags.format ?? []) if (file !== undefined) await refuseOutputIn(file, targets);
  const { color, redact, quiet = false, verbose = false, sarifProfile } = flags;
  return openOutputs(
    flags.format ?? [],
    {
      color,
      ...(redact && { redact }),
      quiet,
      verbose,
      ...(sarifProfile === 'github' && { sarifProfile }),
    },
    host,
  );
}

/**
 * Makes a report while its outputs stand open, and writes it to all of them, but never into one of `targets`. Returns the exit
 * status.
 */
export async function writeReport(
  flags: OutputFlags & { failOn?: FailOn },
  host: Host,
  targets: readonly string[],
  make: (outputs: Outputs) => Promise<Report>,
  statusOf = (report: Report) => exitStatusOf(report, flags.failOn ?? 'error'),
): Promise<number> {
  const { quiet = false, verbose = false } = flags;
  const outputs = await outputsOf(flags, host, targets);
  try {
    const made = await make(outputs);
    // a report that is only rendered, or merged from others, was made elsewhere
    const report = host.run && targets.length > 0 ? { ...made, run: host.run } : made;
    const failures = await outputs.write(report);
    if (!outputs.onStdout && !quiet) {
      show(host, [verdictText(report, { width: 100, palette: plainPalette, verbose, quiet })]);
    }
    for (const { message } of failures) say(host, `kvdoctor: ${message}`);
    const status = statusOf(report);
    return status === ExitStatus.ok && failures.length > 0 ? ExitStatus.incomplete : status;
  } catch (error) {
    await outputs.abandon();
    throw error;
  }
}
