import type { Argument, Command, Option } from 'commander';

/** What a shell can offer for a value. */
export type ValueKind =
  /** One of these words. */
  | { readonly kind: 'words'; readonly words: readonly string[] }
  /** The name of a file or a folder. */
  | { readonly kind: 'file' }
  /** Nothing: only its author knows. */
  | { readonly kind: 'text' };

/** An option of a command, as a shell sees it. */
export interface OptionNode {
  /** Its long form, with both dashes. */
  readonly flag: string;
  readonly description: string;
  /** Undefined where it takes none. */
  readonly value: ValueKind | undefined;
}

/** A command, as a shell sees it. */
export interface CommandNode {
  /** The words that lead to it, the program's name first. */
  readonly path: readonly string[];
  readonly description: string;
  readonly options: readonly OptionNode[];
  /** What its arguments may be, in order. */
  readonly arguments: readonly ValueKind[];
  readonly children: readonly CommandNode[];
}

/** Describes a command and all below it. What help hides is left out. */
export function toCommandTree(command: Command, parentPath: readonly string[] = []): CommandNode {
  const help = command.createHelp();
  const path = [...parentPath, command.name()];
  const children = help.visibleCommands(command).filter((child) => child.name() !== 'help');
  return {
    path,
    description: command.description(),
    options: help.visibleOptions(command).flatMap(toOptionNode),
    arguments: command.registeredArguments.map(toArgumentValue),
    children: children.map((child) => toCommandTree(child, path)),
  };
}

/** Lists a command and all below it, each before its own children. */
export function flattenTree(root: CommandNode): CommandNode[] {
  return [root, ...root.children.flatMap(flattenTree)];
}

/** The word that calls a command. */
export function nameOf({ path }: CommandNode): string {
  return path.at(-1) ?? '';
}

function toOptionNode({ long, flags, description, argChoices, required, optional }: Option): OptionNode[] {
  if (!long) return [];
  const placeholder = /[<[](.*?)[>\]]/.exec(flags)?.[1] ?? '';
  const value = required || optional ? toValueKind(placeholder, argChoices) : undefined;
  return [{ flag: long, description, value }];
}

function toArgumentValue(argument: Argument): ValueKind {
  return toValueKind(argument.name(), argument.argChoices);
}

function toValueKind(placeholder: string, choices: readonly string[] | undefined): ValueKind {
  if (choices !== undefined) return { kind: 'words', words: choices };
  if (placeholder.includes('|')) return { kind: 'words', words: placeholder.split('|') };
  return /^(file|folder|path|model)$/.test(placeholder) ? { kind: 'file' } : { kind: 'text' };
}
