import type { Command } from 'commander';

/** What a command line does, and the command line. */
export type Example = readonly [title: string, commandLine: string];

/** Ends a command's help with examples, which can be copied and run. */
export function addExamples(command: Command, examples: readonly Example[]): void {
  const lines = examples.map(([title, commandLine]) => `  ${title}\n    ${commandLine}`);
  command.addHelpText('after', `\nExamples:\n${lines.join('\n')}`);
}
