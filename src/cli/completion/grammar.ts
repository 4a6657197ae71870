import type { Command, Option } from 'commander';

/** One option of a command as completion sees it. */
export interface OptionGrammar {
  /** `-q`, `--quiet`. */
  flags: string[];
  description: string;
  /** What its value is: a word of a list, a path, something else, or none. */
  value: 'none' | 'path' | 'text' | readonly string[];
  repeatable: boolean;
}

export interface CommandGrammar {
  name: string;
  description: string;
  options: OptionGrammar[];
  /** What its arguments are. */
  argument: 'none' | 'path' | 'text' | readonly string[];
}

/**
 * What can be completed, read off the program itself, so that it cannot fall behind. `words` names, for a command, the words
 * that its argument can be where the program does not tell.
 */
export function grammarOf(program: Command, words: Record<string, readonly string[]>): CommandGrammar[] {
  return program.commands.map((command) => {
    const argument = command.registeredArguments[0];
    return {
      name: command.name(),
      description: command.description(),
      argument: words[command.name()] ?? argument?.argChoices ?? (argument ? 'path' : 'none'),
      options: command.options.map((option) => ({
        flags: [option.short, option.long].filter((flag) => flag !== undefined && flag !== null),
        description: option.description,
        value: optionValue(option),
        repeatable: option.description.includes('several times'),
      })),
    };
  });
}

function optionValue({ flags, argChoices }: Option): OptionGrammar['value'] {
  const placeholder = /<([^>]+)>/.exec(flags)?.[1];
  if (placeholder === undefined) return 'none';
  return argChoices ?? (/dir|file$/.test(placeholder) ? 'path' : 'text');
}
