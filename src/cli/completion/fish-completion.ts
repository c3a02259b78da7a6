import { type CommandNode, flattenTree, nameOf, type ValueKind } from './command-tree.js';

/** Writes the completion of a program for fish. */
export function renderFishCompletion(root: CommandNode): string {
  const name = nameOf(root);
  const lines = flattenTree(root).flatMap((node) => renderNode(node, name));
  return `# fish completion of ${name}\ncomplete -c ${name} -f\n${lines.join('\n')}\n`;
}

function renderNode(node: CommandNode, name: string): string[] {
  const { path, children, options } = node;
  const condition = quote(conditionOf(node));
  const start = `complete -c ${name} -n ${condition}`;
  const lines = [
    ...children.map((child) => `${start} -a ${nameOf(child)} -d ${quote(child.description)}`),
    ...node.arguments.flatMap((value) => (value.kind === 'text' ? [] : [start + renderValue(value)])),
  ];
  // Options of the program itself are for all: fish offers them only while there is no command.
  const ofOptions = path.length === 1 || children.length === 0 ? options : [];
  for (const { flag, description, value } of ofOptions) {
    lines.push(`${start} -l ${flag.slice(2)}${renderOptionValue(value)} -d ${quote(description)}`);
  }
  return lines;
}

/** Tells fish at which command lines a command is the one that is written. */
function conditionOf({ path, children }: CommandNode): string {
  const [, ...words] = path;
  if (words.length === 0) return '__fish_use_subcommand';
  const seen = words.map((word) => `__fish_seen_subcommand_from ${word}`);
  const names = children.map(nameOf);
  const unseen = names.length === 0 ? [] : [`not __fish_seen_subcommand_from ${names.join(' ')}`];
  return [...seen, ...unseen].join('; and ');
}

function renderOptionValue(value: ValueKind | undefined): string {
  if (value === undefined) return '';
  // Required, and from the list alone.
  return `${value.kind === 'file' ? ' -r' : ' -x'}${renderValue(value)}`;
}

function renderValue(value: ValueKind): string {
  switch (value.kind) {
    case 'words':
      return ` -a ${quote(value.words.join(' '))}`;
    case 'file':
      return ' -F';
    case 'text':
      return '';
  }
}

function quote(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`;
}
