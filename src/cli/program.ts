import { Command } from 'commander';
import { toolVersion } from '../report/tool.js';
import { addCompare } from './commands/compare.js';
import { addCompletion } from './commands/completion.js';
import { addExplain } from './commands/explain.js';
import { addExport } from './commands/export.js';
import { addFind } from './commands/find.js';
import { addInspect } from './commands/inspect.js';
import { addMerge } from './commands/merge.js';
import { addRender } from './commands/render.js';
import { addRepair } from './commands/repair.js';
import { addResp } from './commands/resp.js';
import { addScan } from './commands/scan.js';
import { addSimulate } from './commands/simulate.js';
import { addTriage } from './commands/triage.js';
import { addUndo } from './commands/undo.js';
import { applyEnvironment, isStated } from './environment.js';
import { fittedHelp } from './help-text.js';
import type { Host, Output } from './host.js';
import { say } from './say.js';

const examples = `
Examples:
  kvdoctor scan /var/lib/app/db           what is damaged, where and why
  kvdoctor explain wal/checksum-mismatch  what a finding means and what to do
  kvdoctor simulate /var/lib/app/db       what each recovery mode would keep and lose, and what to do about it
  kvdoctor repair --mode point-in-time --dry-run /var/lib/app/db

kvdoctor reads files and never opens a database with its engine. Only repair and undo change anything, after asking.
Exit status: 0 nothing found, 1 findings, 2 usage, 3 not everything could be checked, 4 in use, 5 repair refused,
130 interrupted.`;

const helpWidth = ({ columns = 100 }: Output) => Math.min(columns, 100);

/** The command line. `done` gets the exit status of the command that was run. */
export function makeProgram(host: Host, done: (status: number) => void): Command {
  const program = new Command('kvdoctor')
    .description('Finds, explains and repairs damage in RocksDB directories without opening them.')
    .version(toolVersion, '-V, --version')
    .addHelpText('after', examples)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => host.stdout.write(fittedHelp(text, helpWidth(host.stdout))),
      writeErr: (text) => say(host, ...text.trimEnd().split('\n')),
      getOutHelpWidth: () => helpWidth(host.stdout),
      getErrHelpWidth: () => helpWidth(host.stderr),
      outputError: () => {},
    });
  addScan(program, host, done);
  addSimulate(program, host, done);
  addExport(program, host, done);
  addRepair(program, host, done);
  addUndo(program, host, done);
  addCompare(program, host, done);
  addTriage(program, host, done);
  addResp(program, host, done);
  addRender(program, host, done);
  addMerge(program, host, done);
  addInspect(program, host, done);
  addFind(program, host, done);
  addExplain(program, host, done);
  addCompletion(program, host, done);
  for (const command of program.commands) addJsonOption(command);
  program.hook('preAction', (_, command) => {
    applyEnvironment(command, host.env);
    applyJsonOption(command);
  });
  for (const command of program.commands) command.copyInheritedSettings(program);
  return program;
}

const formatOf = (command: Command) => command.options.find(({ long }) => long === '--format');

/** Adds `--json` to a command that has `--format`. */
function addJsonOption(command: Command): void {
  if (formatOf(command) !== undefined) command.option('--json', 'short for --format json');
}

/** Makes of `--json` what `--format json` would have been. */
function applyJsonOption(command: Command): void {
  const format = formatOf(command);
  const { json, ...options } = command.opts();
  if (format === undefined || json !== true) return;
  const name = format.attributeName();
  const before = isStated(command, name) ? options[name] : undefined;
  command.setOptionValueWithSource(name, format.parseArg?.('json', before) ?? 'json', 'cli');
}
