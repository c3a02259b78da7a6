import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { createProgram } from '../../src/cli/program.js';
import { runInShell } from '../support/shell.js';

function all(command: Command): Command[] {
  return [command, ...command.commands.flatMap(all)];
}

function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}

/** Help as it is printed, with what is added to it. */
function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({ writeOut: (part) => (text += part) });
  command.outputHelp();
  return text;
}

function examplesOf(command: Command): string[] {
  return [...helpOf(command).matchAll(/^ {4}(?:.*\()?(linnet .*?)\)?$/gm)].map(([, line = '']) => line);
}

const commands = all(await createProgram());
const examples = commands.flatMap((command) => examplesOf(command).map((line) => [pathOf(command), line]));

describe('the command line', () => {
  it.each(commands.map((command) => [pathOf(command), command] as const))(
    '%s has help with examples of itself',
    (path, command) => {
      expect(command.description()).toMatch(/^[A-Z].*[.]$/);
      expect(examplesOf(command).length).toBeGreaterThan(0);
      expect(helpOf(command).match(/^Examples:$/gm)).toHaveLength(1);
      for (const line of examplesOf(command)) expect(`${line} `.startsWith(`${path} `)).toBe(true);
    },
  );

  it.each(examples)('%s gives an example of options that there are: %s', (_path, line) => {
    const words = line.split(' ');
    const named = commands.filter((command) => line.startsWith(`${pathOf(command)} `)).at(-1);
    const known =
      named
        ?.createHelp()
        .visibleOptions(named)
        .map(({ long }) => long) ?? [];
    // The options of `linnet bench` are those of the program that it runs.
    const flags = named?.name() === 'bench' ? [] : words.filter((word) => word.startsWith('--'));
    for (const flag of flags) expect(known).toContain(flag);
  });

  it('has the command that is called alone, and all where there is none of that name', async () => {
    const namesOf = (program: Command) => program.commands.map((command) => command.name());
    expect(namesOf(await createProgram('serve'))).toEqual(['serve']);
    for (const called of [undefined, '--help', 'help', 'serv', 'toString', 'completion'])
      expect(namesOf(await createProgram(called))).toEqual(expect.arrayContaining(['serve', 'completion']));
  });

  it('ends quietly when the reader of its help goes away', async () => {
    const { stdout, stderr } = await runInShell(
      'set -o pipefail; node dist/cli/main.js serve --help | head -n 1; echo "|$?"; node dist/cli/main.js config | true; echo "|$?"',
    );
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^Usage: linnet serve \[options\]\n\|0\n\|0\n$/);
  });

  it('says which command was meant, and exits with 2', async () => {
    const { code, stderr } = await runInShell('node dist/cli/main.js serv');
    expect(code).toBe(2);
    expect(stderr).toMatch(/^linnet: unknown command 'serv'\n\(Did you mean serve\?\)\n/);
    expect(stderr).toContain('linnet --help');
  });
});
