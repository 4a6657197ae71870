import type { CommandGrammar, OptionGrammar } from './grammar.js';

function quoted(text: string): string {
  return `'${text.replace(/\\/g, '\\\\').replace(/'/g, "\\'")}'`;
}

function optionLine(command: string, { flags, description, value }: OptionGrammar): string {
  const names = flags.map((flag) => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`));
  const takes = value === 'none' ? '' : value === 'path' ? ' -r -F' : ' -x';
  const words = typeof value === 'string' ? '' : ` -a ${quoted(value.join(' '))}`;
  return `complete -c kvdoctor -n ${quoted(`__fish_seen_subcommand_from ${command}`)} ${names.join(' ')}${takes}${words} -d ${quoted(description)}`;
}

function commandLines({ name, description, options, argument }: CommandGrammar): string[] {
  const seen = quoted(`__fish_seen_subcommand_from ${name}`);
  const rest =
    argument === 'path'
      ? [`complete -c kvdoctor -n ${seen} -F`]
      : typeof argument === 'string'
        ? []
        : [`complete -c kvdoctor -n ${seen} -a ${quoted(argument.join(' '))}`];
  return [
    `complete -c kvdoctor -n __fish_use_subcommand -a ${name} -d ${quoted(description)}`,
    ...options.map((option) => optionLine(name, option)),
    ...rest,
  ];
}

/** The completion script for fish. */
export function fishCompletion(commands: readonly CommandGrammar[]): string {
  return `${['# fish completion for kvdoctor', 'complete -c kvdoctor -f', ...commands.flatMap(commandLines)].join('\n')}\n`;
}
