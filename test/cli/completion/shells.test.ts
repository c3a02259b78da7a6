import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ROOT } from '../../support/linnet-process.js';
import { NO_TERMINAL, PseudoTerminal } from '../../support/pseudo-terminal.js';
import { hasCommand, runInShell } from '../../support/shell.js';

const COMPLETION = `node ${join(ROOT, 'dist/cli/main.js')} completion`;

/** What each shell offers at the end of a command line. */
const EXPECTED: readonly (readonly [line: string, offered: readonly string[]])[] = [
  ['linnet gat', ['gateway']],
  ['linnet serve --prel', ['--preload']],
  ['linnet serve --precision ', ['f32', 'i8', 'q4', 'q8']],
  ['linnet complete --color ', ['none', 'probability']],
  ['linnet serve --lookup ', ['no', 'yes']],
  ['linnet key ', ['create', 'revoke']],
  ['linnet models ', ['load', 'unload']],
  ['linnet completion ', ['bash', 'fish', 'zsh']],
  ['linnet serve --config package-l', ['package-lock.json']],
  ['linnet serve --host ', []],
];

describe('the completion of bash', () => {
  const offer = async (line: string) => {
    const script = `source <(${COMPLETION} bash)
COMP_WORDS=(${line.replace(/ $/, " ''")}); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
_linnet; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { code, stdout, stderr } = await runInShell(script);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    return stdout
      .split('\n')
      .filter((word) => word !== '')
      .sort();
  };

  it.each(EXPECTED)('offers after "%s" %j', async (line, offered) => {
    expect(await offer(line)).toEqual(offered);
  });

  it('reads a flag and its value that are joined', async () => {
    expect(await offer('linnet serve --precision = q')).toEqual(['q4', 'q8']);
    expect(await offer('linnet serve --precision =')).toEqual(['f32', 'i8', 'q4', 'q8']);
  });
});

describe.skipIf(!hasCommand('fish'))('the completion of fish', () => {
  it.each(EXPECTED)('offers after "%s" %j', async (line, offered) => {
    const { code, stdout, stderr } = await runInShell(
      `fish --no-config -c '${COMPLETION} fish | source; complete -C "${line}"'`,
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(
      stdout
        .split('\n')
        .flatMap((row) => row.split('\t')[0] || [])
        .sort(),
    ).toEqual(offered);
  });
});

describe.skipIf(!hasCommand('zsh') || NO_TERMINAL)('the completion of zsh', () => {
  it('offers the same at its prompt', async () => {
    const terminal = new PseudoTerminal(`exec zsh -f -i`);
    onTestFinished(() => terminal.close());
    await terminal.until(/2004h/);
    terminal.type(`PS1='RE''ADY> '; autoload -U compinit; compinit -u -D; source <(${COMPLETION} zsh)\r`);
    await terminal.until(/READY> [\s\S]*2004h/);
    for (const [line, offered] of EXPECTED.filter(([, { length }]) => length > 0)) {
      terminal.output = '';
      // The second Tab lists what the first one could not choose from.
      terminal.type(`${line}\t\t`);
      await terminal.until(new RegExp(offered.map((word) => `(?=[\\s\\S]*${word})`).join('')));
      // Ctrl-U empties the line.
      terminal.type('\u0015');
    }
  });
});
