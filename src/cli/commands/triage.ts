import type { Command } from 'commander';
import type { RenderSettings } from '../../report/reporter.js';
import { choice } from '../choices.js';
import { type ColorChoice, colorChoices, paletteFor, wantsColour } from '../colour.js';
import { ExitStatus } from '../exit-status.js';
import type { Host } from '../host.js';
import { inputPieces } from '../input.js';
import { stdoutWidth } from '../outputs.js';
import { streamSink } from '../sink.js';
import { refuseTarget } from '../unopened.js';

interface TriageFlags {
  dir?: string;
  format: 'text' | 'json';
  color: ColorChoice;
  quiet?: true;
  verbose?: true;
}

const examples = `
Examples:
  kvdoctor triage /var/log/kvrocks/kvrocks.ERROR           what each error means and what to do
  kvdoctor triage --dir /var/lib/kvrocks/db kvrocks.INFO   and whether the files bear it out
  journalctl -u myserver | kvdoctor triage -

Exit status: 0 nothing in the log speaks of damage, 1 something does, or a scan of --dir finds errors, 2 usage, 3 --dir
could not be read.`;

async function explain(log: string, flags: TriageFlags, host: Host): Promise<number> {
  const { heldAgainst, scanFor, triage } = await import('../../triage/against.js');
  const { speaksOfDamage } = await import('../../triage/triage.js');
  const { triageText } = await import('../../triage/text.js');
  const { triageJson } = await import('../../triage/json.js');
  const { dir } = flags;
  const found = await triage(inputPieces(log, host));
  const report = (directory: string) =>
    scanFor(directory, found).catch((error) => refuseTarget('triage --dir', directory, error, true));
  const checked = dir === undefined ? undefined : heldAgainst(dir, found, await report(dir));
  const settings: RenderSettings = {
    width: stdoutWidth(host),
    palette: paletteFor(wantsColour(flags.color, host.env, host.stdout)),
    verbose: flags.verbose ?? false,
    quiet: flags.quiet ?? false,
  };
  const sink = streamSink(host.stdout);
  await sink.write(
    flags.format === 'json' ? triageJson(log, found, checked) : triageText(log, found, settings, checked),
  );
  await sink.close();
  const damaged = checked?.report.findings.some(({ severity }) => severity === 'error') ?? false;
  if (damaged || speaksOfDamage(found)) return ExitStatus.findings;
  return checked?.incomplete ? ExitStatus.incomplete : ExitStatus.ok;
}

/** Adds `kvdoctor triage` to the program. `done` gets the exit status. */
export function addTriage(program: Command, host: Host, done: (status: number) => void): void {
  program
    .command('triage')
    .description('explain the errors in a server’s log: what they mean, where to look, what to do')
    .argument('<log>', 'a log of RocksDB or of a program that uses it; - for standard input')
    .option('--dir <dir>', 'the database that it is about: see whether its files bear the log out')
    .addOption(choice('--format <format>', 'how to show it', ['text', 'json']).default('text'))
    .addOption(choice('--color <when>', 'colour the output', colorChoices).default('auto'))
    .option('-q, --quiet', 'leave out what is harmless by itself')
    .option('-v, --verbose', 'every finding of --dir; stack traces on failures')
    .addHelpText('after', examples)
    .action(async (log: string, flags: TriageFlags) => done(await explain(log, flags, host)));
}
