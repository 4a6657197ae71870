import type { CommandGrammar, OptionGrammar } from './grammar.js';

/** Text inside single quotes of an _arguments specification. */
function quoted(text: string): string {
  return text.replace(/'/g, "'\\''").replace(/([[\]:])/g, '\\$1');
}

function actionOf(value: OptionGrammar['value']): string {
  if (value === 'none') return '';
  if (value === 'path') return ':path:_files';
  return value === 'text' ? ':value: ' : `:word:(${value.join(' ')})`;
}

function optionLines({ flags, description, value, repeatable }: OptionGrammar): string[] {
  const others = repeatable || flags.length < 2 ? '' : `(${flags.join(' ')})`;
  return flags.map(
    (flag) => `        '${others}${repeatable ? '*' : ''}${flag}[${quoted(description)}]${actionOf(value)}'`,
  );
}

function commandCase({ name, options, argument }: CommandGrammar): string {
  const rest = argument === 'none' ? [] : [`        '*${actionOf(argument)}'`];
  const lines = [...options.flatMap(optionLines), "        '(-h --help)'{-h,--help}'[show help]'", ...rest];
  return `    ${name})
      _arguments \\
${lines.join(' \\\n')} ;;`;
}

/** The completion script for zsh. */
export function zshCompletion(commands: readonly CommandGrammar[]): string {
  const names = commands.map(({ name, description }) => `    '${name}:${quoted(description)}'`);
  return `#compdef kvdoctor
_kvdoctor() {
  local -a commands=(
${names.join('\n')}
  )
  if ((CURRENT == 2)); then
    _describe command commands
    return
  fi
  local command="\${words[2]}"
  words=("\${words[1]}" "\${words[@]:2}")
  ((CURRENT--))
  case "$command" in
${commands.map(commandCase).join('\n')}
  esac
}
if [[ "\${funcstack[1]}" == _kvdoctor ]]; then
  _kvdoctor "$@"
else
  compdef _kvdoctor kvdoctor
fi
`;
}
