import { type CommandNode, flattenTree, nameOf, type ValueKind } from './command-tree.js';

/** Writes the completion of a program for zsh: for a folder of its `fpath`, or for `source`. */
export function renderZshCompletion(root: CommandNode): string {
  const name = nameOf(root);
  return `#compdef ${name}
${flattenTree(root).map(renderFunction).join('\n')}
if [[ $funcstack[1] == _${name} ]]; then _${name} "$@"; else compdef _${name} ${name}; fi
`;
}

function renderFunction(node: CommandNode): string {
  const options = node.options.map(
    ({ flag, description, value }) => `*${flag}[${escapeSpec(description)}]${renderValue(value)}`,
  );
  const { path, children } = node;
  if (children.length === 0) {
    const values = node.arguments.map((value, index) => `${index + 1}${renderValue(value)}`);
    return `_${path.join('_')}() {\n  _arguments ${[...options, ...values].map(quote).join(' \\\n    ')}\n}`;
  }
  const specs = [...options, '1: :->command', '*:: :->rest'];
  const names = children.map((child) => quote(`${nameOf(child)}:${child.description}`));
  const calls = children.map((child) => `        ${nameOf(child)}) _${child.path.join('_')} ;;`);
  return `_${path.join('_')}() {
  local line state
  _arguments -C ${specs.map(quote).join(' \\\n    ')}
  case $state in
    command)
      local -a commands=(
        ${names.join('\n        ')}
      )
      _describe command commands
      ;;
    rest)
      case $line[1] in
${calls.join('\n')}
      esac
      ;;
  esac
}`;
}

function renderValue(value: ValueKind | undefined): string {
  switch (value?.kind) {
    case undefined:
      return '';
    case 'words':
      return `:value:(${value.words.join(' ')})`;
    case 'file':
      return ':file:_files';
    case 'text':
      return ': : ';
  }
}

function escapeSpec(text: string): string {
  return text.replace(/[\\[\]:]/g, '\\$&');
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
