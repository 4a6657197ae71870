import type { Command } from 'commander';
import { isStated } from './environment.js';

const formatOf = (command: Command) => command.options.find(({ long }) => long === '--format');

/** Adds `--json` to a command that has `--format`. */
export function addJsonOption(command: Command): void {
  if (formatOf(command) !== undefined) command.option('--json', 'short for --format json');
}

/** Makes of `--json` what `--format json` would have been. */
export function applyJsonOption(command: Command): void {
  const format = formatOf(command);
  const { json, ...options } = command.opts();
  if (format === undefined || json !== true) return;
  const name = format.attributeName();
  const before = isStated(command, name) ? options[name] : undefined;
  command.setOptionValueWithSource(name, format.parseArg?.('json', before) ?? 'json', 'cli');
}
