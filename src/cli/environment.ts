import type { Command, Option } from 'commander';
import type { Host } from './host.js';

/** `--fail-on` as `KVDOCTOR_FAIL_ON`. */
function variableOf({ long }: Option): string {
  return `KVDOCTOR_${(long ?? '')
    .replace(/^--(no-)?/, '')
    .replaceAll('-', '_')
    .toUpperCase()}`;
}

const falsehoods = new Set(['', '0', 'false', 'no']);

/** What a variable says, as the option would have parsed it. Options that may be given several times take a list with commas. */
function parsed(option: Option, text: string): unknown {
  if (option.negate) return falsehoods.has(text.toLowerCase()) ? undefined : false;
  if (!option.required && !option.optional) return falsehoods.has(text.toLowerCase()) ? undefined : true;
  const { parseArg } = option;
  if (parseArg === undefined) return text;
  // a list's parser adds to what it is given
  return text.split(',').reduce<unknown>((before, part) => parseArg(part.trim(), before), undefined);
}

/** Sets the options of a command that the command line leaves open from variables named `KVDOCTOR_…`. */
export function applyEnvironment(command: Command, env: Host['env']): void {
  for (const option of command.options) {
    const text = env[variableOf(option)];
    const name = option.attributeName();
    if (text === undefined || text === '' || isStated(command, name)) continue;
    const value = parsed(option, text);
    if (value !== undefined) command.setOptionValueWithSource(name, value, 'env');
  }
}

/** Whether the command line or the environment says what an option is. */
export function isStated(command: Command, name: string): boolean {
  return ['cli', 'env'].includes(command.getOptionValueSource(name) ?? '');
}
