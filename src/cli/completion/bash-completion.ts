import { type CommandNode, flattenTree, nameOf, type ValueKind } from './command-tree.js';

/** Writes the completion of a program for bash, version 3.2 or newer. */
export function renderBashCompletion(root: CommandNode): string {
  const name = nameOf(root);
  const nodes = flattenTree(root);
  return `# bash completion of ${name}
_complete_files() {
  compopt -o filenames 2>/dev/null
  COMPREPLY=($(compgen -f -- "$word"))
}

_${name}() {
  local IFS=$'\\n' i command=${name}
  local word=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]}
  COMPREPLY=()
  # bash takes --flag=value apart.
  [[ $previous == = ]] && previous=\${COMP_WORDS[COMP_CWORD - 2]}
  [[ $word == = ]] && word= previous=\${COMP_WORDS[COMP_CWORD - 1]}
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$command \${COMP_WORDS[i]}" in
${nodes.flatMap(renderDescents).join('\n')}
    esac
  done
  case "$command $previous" in
${nodes.flatMap(renderValues).join('\n')}
  esac
  case "$command $word" in
${nodes.map(renderOptions).join('\n')}
  esac
  case $command in
${nodes.map(renderArguments).join('\n')}
  esac
}
complete -F _${name} ${name}
`;
}

function renderDescents({ children }: CommandNode): string[] {
  return children.map(({ path }) => `      '${path.join(' ')}') command='${path.join(' ')}' ;;`);
}

/** What follows an option that takes a value. */
function renderValues({ path, options }: CommandNode): string[] {
  return options.flatMap(({ flag, value }) =>
    value === undefined ? [] : [`    '${path.join(' ')} ${flag}') ${reply([value])}; return ;;`],
  );
}

function renderOptions({ path, options }: CommandNode): string {
  const words = options.map(({ flag }) => flag);
  return `    '${path.join(' ')} -'*) ${reply([{ kind: 'words', words }])}; return ;;`;
}

function renderArguments({ path, children, arguments: values }: CommandNode): string {
  return `    '${path.join(' ')}') ${reply([{ kind: 'words', words: children.map(nameOf) }, ...values])} ;;`;
}

/** Bash has one list for all arguments: it is not told which one it is at. */
function reply(values: readonly ValueKind[]): string {
  if (values.some(({ kind }) => kind === 'file')) return '_complete_files';
  const words = values.flatMap((value) => (value.kind === 'words' ? value.words : []));
  return words.length === 0 ? ':' : `COMPREPLY=($(compgen -W $'${words.join('\\n')}' -- "$word"))`;
}
