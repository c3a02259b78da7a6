import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { ROOT } from './linnet-process.js';

/** Why there are no pseudo-terminals here; undefined where there are. util-linux's `script` makes them. */
export const NO_TERMINAL = String(spawnSync('script', ['--version']).stdout).includes('util-linux')
  ? undefined
  : 'needs `script` of util-linux';

const CACHE = `${ROOT}node_modules/.cache/linnet-test`;

/** A command that runs in a terminal of 100 columns; what it writes is in `output`, with all control characters. */
export class PseudoTerminal {
  readonly #script: ChildProcess;
  readonly #ended: Promise<unknown>;
  output = '';

  constructor(commandLine: string, environment: Readonly<Record<string, string>> = {}) {
    const { NO_COLOR: _, ...inherited } = process.env;
    this.#script = spawn(
      'script',
      ['--quiet', '--return', '--flush', '--command', `stty cols 100 rows 30; ${commandLine}`, '/dev/null'],
      { cwd: ROOT, env: { ...inherited, TERM: 'xterm-256color', LINNET_CACHE_DIR: CACHE, ...environment } },
    );
    this.#ended = once(this.#script, 'close');
    this.#script.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.output += text;
    });
  }

  /** Types on the keyboard. */
  type(text: string): void {
    this.#script.stdin?.write(text);
  }

  /** Resolves once the output has the pattern; rejects where the command ends without. */
  async until(pattern: RegExp): Promise<RegExpExecArray> {
    const { stdout } = this.#script;
    for (;;) {
      const match = pattern.exec(this.output);
      if (match !== null) return match;
      const more = stdout && once(stdout, 'data').then(() => 'more');
      if ((await Promise.race([more, this.#ended])) === 'more') continue;
      if (!pattern.test(this.output)) throw new Error(`Ended without ${pattern}:\n${this.output}`);
    }
  }

  /** Resolves with the exit code when the command has ended. */
  async end(): Promise<number | null> {
    await this.#ended;
    return this.#script.exitCode;
  }

  /** Hangs up. */
  close(): void {
    this.#script.kill('SIGKILL');
  }
}
