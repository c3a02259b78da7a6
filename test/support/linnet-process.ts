import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's root. */
export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** How to run the command line. */
export interface LinnetOptions {
  /** Added to this process's environment. */
  readonly environment?: Readonly<Record<string, string>>;
  /** The working directory. Default: the repository's root. */
  readonly directory?: string;
  /** Standard input. Default: none. */
  readonly input?: string;
}

/** Quantized weights are kept between tests, but not in the home folder of whoever runs them. */
const CACHE = join(ROOT, 'node_modules/.cache/linnet-test');

/** The built command line, running: `node dist/cli/main.js ARGS`. */
export class LinnetProcess {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  stdout = '';
  stderr = '';

  constructor(args: readonly string[], options: LinnetOptions = {}) {
    const { environment, directory = ROOT, input } = options;
    this.#child = spawn(process.execPath, [`${ROOT}dist/cli/main.js`, ...args], {
      cwd: directory,
      env: { ...process.env, LINNET_CACHE_DIR: CACHE, ...environment },
    });
    this.#ended = once(this.#child, 'close');
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
    this.#child.stdin?.end(input);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Sends a signal. */
  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Resolves with the exit code when the process and its output have ended; null after a signal. */
  async end(): Promise<number | null> {
    await this.#ended;
    return this.#child.exitCode;
  }

  /** Resolves once the output has the pattern; rejects where the process ends without. */
  async until(name: 'stdout' | 'stderr', pattern: RegExp): Promise<RegExpExecArray> {
    const stream = this.#child[name];
    for (;;) {
      const match = pattern.exec(this[name]);
      if (match !== null) return match;
      const ended = this.#ended.then(() => 'ended');
      if ((await Promise.race([stream && once(stream, 'data'), ended])) !== 'ended') continue;
      if (pattern.test(this[name])) continue;
      throw new Error(`Ended without ${pattern}:\n${this.stdout}\n${this.stderr}`);
    }
  }
}

/** Where a server of ours listens. */
export interface LinnetAddresses {
  /** Such as `http://127.0.0.1:40123`. */
  readonly http: string;
  /** Such as `127.0.0.1:40124`. */
  readonly grpc: string;
}

/** Starts `linnet serve` on free ports and resolves once its banner is complete. */
export async function serve(
  args: readonly string[] = [],
  options: LinnetOptions = {},
): Promise<{ linnet: LinnetProcess; addresses: LinnetAddresses }> {
  const linnet = new LinnetProcess(['serve', '--http-port', '0', '--grpc-port', '0', ...args], options);
  await linnet.until('stdout', /Ctrl-C/);
  const http = /^ +HTTP +(\S+)$/m.exec(linnet.stdout)?.[1] ?? '';
  const grpc = /^ +gRPC +(\S+)$/m.exec(linnet.stdout)?.[1] ?? '';
  return { linnet, addresses: { http, grpc } };
}
