import { InvalidArgumentError, Option } from 'commander';
import type { Finding } from '../finding/finding.js';
import { type FormatName, formats, isFormatName } from '../report/formats.js';
import { type Redaction, redact, redactFinding } from '../report/redact.js';
import type { Report } from '../report/report.js';
import type { Format, Reporter } from '../report/reporter.js';
import { type ColorChoice, paletteFor, wantsColour } from './colour.js';
import { ExitStatus } from './exit-status.js';
import { Failure } from './failure.js';
import type { Host } from './host.js';
import { nearest } from './nearest.js';
import { appendFile, fileSink, type Sink, streamSink } from './sink.js';

/** One `--format NAME[=FILE]`. Without a file it goes to standard output. */
export interface OutputChoice {
  format: FormatName;
  file?: string;
}

/** Parses `NAME[=FILE]`, gathering what was given before. */
export function parseFormat(text: string, before: OutputChoice[] = []): OutputChoice[] {
  const at = text.indexOf('=');
  const name = at < 0 ? text : text.slice(0, at);
  const file = at < 0 ? undefined : text.slice(at + 1);
  if (!isFormatName(name)) {
    const near = nearest(name, Object.keys(formats));
    const hint = near.length > 0 ? ` Did you mean ${near[0]}?` : '';
    throw new InvalidArgumentError(`Formats are ${Object.keys(formats).join(', ')}.${hint}`);
  }
  if (file === '') throw new InvalidArgumentError(`A file name is missing after "${name}=".`);
  return [...before, { format: name, ...(file !== undefined && file !== '-' && { file }) }];
}

interface OutputSettings {
  color: ColorChoice;
  redact?: Redaction;
  quiet: boolean;
  verbose: boolean;
  sarifProfile?: 'github';
}

/** Without a terminal lines are kept to what a CI log or a mail shows well. */
const WIDTH_WITHOUT_TERMINAL = 100;

/** Columns for standard output: its terminal's, else COLUMNS, else those of the terminal after a pager. */
export function stdoutWidth({ stdout, stderr, env }: Host): number {
  const stated = Number.parseInt(env.COLUMNS ?? '', 10);
  return stdout.columns || (stated >= 40 ? stated : 0) || stderr.columns || WIDTH_WITHOUT_TERMINAL;
}

interface OpenOutput {
  reporter: Reporter;
  sink: Sink;
  redaction: Redaction;
}

/** The outputs of one command: each renders the report and writes it where it belongs. */
export interface Outputs {
  /** Something is written to standard output. */
  readonly onStdout: boolean;
  /** A finding as it is found, for the outputs that stream. */
  found(finding: Finding, target: string): void;
  /** Writes the whole report everywhere. Returns what could not be written; the others are written all the same. */
  write(report: Report): Promise<Failure[]>;
  /** Leaves no half-written file after. */
  abandon(): Promise<void>;
}

async function open(
  { format: name, file }: OutputChoice,
  settings: OutputSettings,
  host: Host,
): Promise<OpenOutput> {
  const format: Format = formats[name];
  const stream = file === undefined ? host.stdout : {};
  // a file is read elsewhere and later: the terminal's width and colours do not matter to it
  const env = file === undefined ? host.env : {};
  const reporter = format.create({
    width: file === undefined ? stdoutWidth(host) : WIDTH_WITHOUT_TERMINAL,
    palette: paletteFor(wantsColour(settings.color, env, stream)),
    verbose: settings.verbose,
    quiet: settings.quiet,
    ...(settings.sarifProfile && { sarifProfile: settings.sarifProfile }),
  });
  const sink = file === undefined ? streamSink(host.stdout) : await fileSink(file);
  return { reporter, sink, redaction: settings.redact ?? format.redaction };
}

/** Characters gathered before they are written: reports have a piece for each file, and there may be 100,000. */
const GATHERED = 1 << 16;

async function writeOne({ reporter, sink, redaction }: OpenOutput, whole: Report, host: Host): Promise<void> {
  const report = redact(whole, redaction);
  let gathered = '';
  for (const piece of reporter.render(report)) {
    gathered += piece;
    if (gathered.length < GATHERED) continue;
    if (!(await sink.write(gathered))) return sink.close();
    gathered = '';
  }
  await sink.write(gathered);
  await sink.close();
  const page = host.env.GITHUB_STEP_SUMMARY;
  if (page && reporter.stepSummary) await appendFile(page, reporter.stepSummary(report));
}

/** Opens every output that was asked for, text on standard output where none was. Rejects when a file cannot be made. */
export async function openOutputs(
  choices: readonly OutputChoice[],
  settings: OutputSettings,
  host: Host,
): Promise<Outputs> {
  const chosen: readonly OutputChoice[] = choices.length > 0 ? choices : [{ format: 'text' }];
  const toStdout = chosen.filter(({ file }) => file === undefined);
  if (toStdout.length > 1) {
    const names = toStdout.map(({ format }) => format).join(' and ');
    const hint = 'Give one of them a file: --format NAME=FILE.';
    throw new Failure(`${names} cannot both go to standard output`, ExitStatus.usage, hint);
  }
  const outputs: OpenOutput[] = [];
  const abandon = async () => {
    for (const { sink } of outputs) await sink.abandon();
  };
  try {
    for (const each of chosen) outputs.push(await open(each, settings, host));
  } catch (error) {
    await abandon();
    throw error;
  }
  return {
    onStdout: toStdout.length > 0,
    found(finding, target) {
      for (const { reporter, sink, redaction } of outputs) {
        const text = reporter.found?.(redactFinding(finding, redaction), target);
        if (text !== undefined) void sink.write(text);
      }
    },
    async write(report) {
      const failures: Failure[] = [];
      for (const output of outputs) {
        await writeOne(output, report, host).catch((error) => {
          if (!(error instanceof Failure)) throw error;
          failures.push(error);
        });
      }
      return failures;
    },
    abandon,
  };
}

/** The option that chooses outputs. */
export function formatOption(): Option {
  const description = 'an output, to standard output or a file; may be given several times';
  return new Option('--format <name[=file]>', description)
    .choices(Object.keys(formats))
    .argParser(parseFormat);
}
