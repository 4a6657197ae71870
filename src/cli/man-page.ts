import type { EventEmitter } from 'node:events';
import type { Command } from 'commander';
import { fittedHelp } from './help-text.js';

/** Columns of an example: what a page of 80 columns leaves. */
const WIDTH = 71;

/**
 * The manual page of a program in roff (man(7)), from the same descriptions, options and examples that --help shows. `date`: of the
 * release, as the page's foot has it.
 */
export function manPage(program: Command, { version, date }: { version: string; date: string }): string {
  const name = program.name();
  return `${[
    `.TH ${name.toUpperCase()} 1 ${quoted(date)} ${quoted(`${name} ${version}`)} "User Commands"`,
    '.SH NAME',
    text(`${name} - ${program.description().replace(/\.$/, '')}`),
    '.SH SYNOPSIS',
    `.B ${name}`,
    text('COMMAND [OPTION]... [ARGUMENT]...'),
    '.SH DESCRIPTION',
    ...afterHelp(program),
    '.SH COMMANDS',
    ...program.commands.flatMap((command) => commandSection(program, command)),
    '.SH SEE ALSO',
    text(`The help of a command: ${name} COMMAND --help. What a finding means: ${name} explain RULE.`),
  ].join('\n')}\n`;
}

function commandSection(program: Command, command: Command): string[] {
  const help = command.createHelp();
  const term = `${program.name()} ${help.subcommandTerm(command)}`;
  return [
    `.SS ${quoted(term)}`,
    text(capital(command.description())),
    ...help
      .visibleArguments(command)
      .flatMap((argument) => tagged(help.argumentTerm(argument), help.argumentDescription(argument))),
    ...help
      .visibleOptions(command)
      .flatMap((option) => tagged(help.optionTerm(option), help.optionDescription(option))),
    ...afterHelp(command),
  ];
}

/** What --help says below the options: prose as paragraphs, examples as they are typed. */
function afterHelp(command: Command): string[] {
  let said = '';
  // commander is an emitter of events, and does not say so in its types
  (command as unknown as EventEmitter).emit('afterHelp', {
    error: false,
    command,
    write: (piece: string) => {
      said += piece;
    },
  });
  const lines: string[] = [];
  let literal = false;
  for (const line of fittedHelp(said.trim(), WIDTH).split('\n')) {
    const isExample = line.startsWith('  ');
    if (isExample !== literal) lines.push(isExample ? '.nf' : '.fi');
    literal = isExample;
    if (line === '') lines.push('.PP');
    else if (line.startsWith('Exit status:') && !isExample) lines.push('.PP', text(line));
    else lines.push(text(line));
  }
  if (literal) lines.push('.fi');
  return ['.PP', ...lines];
}

const tagged = (term: string, description: string) => ['.TP', `.B ${text(term)}`, text(capital(description))];

const capital = (sentence: string) => sentence.charAt(0).toUpperCase() + sentence.slice(1);

const quoted = (words: string) => `"${text(words).replaceAll('"', '\\(dq')}"`;

/** Text in which roff finds nothing to obey: hyphens that can be copied, no escape, no line that begins a request. */
function text(words: string): string {
  return words
    .replaceAll('\\', '\\(rs')
    .replaceAll('-', '\\-')
    .replaceAll('\u2019', "'")
    .replaceAll('\u2013', '\\(en')
    .replace(/^([.'])/gm, '\\&$1');
}
