import { Argument, type Command } from 'commander';
import { renderBashCompletion } from '../completion/bash-completion.js';
import { toCommandTree } from '../completion/command-tree.js';
import { renderFishCompletion } from '../completion/fish-completion.js';
import { renderZshCompletion } from '../completion/zsh-completion.js';
import { addExamples } from '../terminal/help-examples.js';

const RENDERERS = {
  bash: renderBashCompletion,
  zsh: renderZshCompletion,
  fish: renderFishCompletion,
} as const;

/** Adds `linnet completion`, which prints what a shell needs to complete command lines by the Tab key. */
export function addCompletionCommand(program: Command): void {
  const command = program
    .command('completion')
    .description('Print the script that completes command lines in a shell.')
    .addArgument(new Argument('<shell>', 'which one').choices(Object.keys(RENDERERS)))
    .action((shell: keyof typeof RENDERERS) => {
      process.stdout.write(RENDERERS[shell](toCommandTree(program)));
    });
  addExamples(command, [
    ['In bash, for this session; in ~/.bashrc for all:', 'source <(linnet completion bash)'],
    ['In zsh, the same, in ~/.zshrc after compinit:', 'source <(linnet completion zsh)'],
    ['In fish, for all sessions:', 'linnet completion fish > ~/.config/fish/completions/linnet.fish'],
  ]);
}
