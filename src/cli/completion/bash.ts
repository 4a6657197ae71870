import type { CommandGrammar, OptionGrammar } from './grammar.js';

function valueCase({ flags, value }: OptionGrammar): string[] {
  if (value === 'none') return [];
  const words = value === 'path' ? 'compgen -f' : value === 'text' ? ':' : `compgen -W "${value.join(' ')}"`;
  const reply = words === ':' ? 'return' : `mapfile -t COMPREPLY < <(${words} -- "$current"); return`;
  return [`        ${flags.join('|')}) ${reply} ;;`];
}

function commandCase({ name, options, argument }: CommandGrammar): string {
  const flags = options.flatMap((option) => option.flags).concat('--help');
  const words =
    typeof argument === 'string'
      ? ''
      : `mapfile -t COMPREPLY < <(compgen -W "${argument.join(' ')}" -- "$current")`;
  const rest = argument === 'path' ? 'mapfile -t COMPREPLY < <(compgen -f -- "$current")' : words || ':';
  return `    ${name})
      case "$previous" in
${options.flatMap(valueCase).join('\n') || '        "") ;;'}
      esac
      if [[ "$current" == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "${flags.join(' ')}" -- "$current")
      else
        ${rest}
      fi ;;`;
}

/** The completion script for bash 4 and later. */
export function bashCompletion(commands: readonly CommandGrammar[]): string {
  const names = [...commands.map(({ name }) => name), 'help'];
  return `# bash completion for kvdoctor
_kvdoctor() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD - 1]}"
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    mapfile -t COMPREPLY < <(compgen -W "${names.join(' ')} --help --version" -- "$current")
    return
  fi
  case "\${COMP_WORDS[1]}" in
    help) mapfile -t COMPREPLY < <(compgen -W "${names.join(' ')}" -- "$current") ;;
${commands.map(commandCase).join('\n')}
  esac
}
complete -o filenames -F _kvdoctor kvdoctor
`;
}
