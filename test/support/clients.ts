import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './linnet-process.js';
import { type ProgramResult, runProgram } from './shell.js';

/** One of the example clients in `clients/`. All take the same options. */
export interface ExampleClient {
  /** As its README calls it. */
  readonly name: string;
  /** Its folder, from the repository's root. */
  readonly directory: string;
  /** Why it can't be run here; undefined where it can. */
  readonly obstacle: string | undefined;
  /** Writes a time as its `--timeout` wants it. */
  seconds(count: number): string;
  /** Runs it. */
  run(args: readonly string[]): Promise<ProgramResult>;
}

/** How a client is run, from its folder. */
interface ClientOptions {
  readonly folder: string;
  readonly command: readonly string[];
  /** What only a build makes. */
  readonly built: string;
  readonly seconds?: (count: number) => string;
}

/** Every client of `clients/`, built or not. */
export const EXAMPLE_CLIENTS: readonly ExampleClient[] = [
  client('Python', { folder: 'python', command: ['.venv/bin/python', 'complete.py'], built: 'linnet' }),
  client('Go', {
    folder: 'go',
    command: ['bin/complete'],
    built: 'bin/complete',
    seconds: (count) => `${count}s`,
  }),
  client('Java', {
    folder: 'java',
    command: ['java', '-jar', 'target/linnet-client.jar'],
    built: 'target/linnet-client.jar',
  }),
  client('TypeScript', {
    folder: 'typescript',
    command: ['node', 'dist/complete.js'],
    built: 'dist/complete.js',
  }),
  client('JavaScript', { folder: 'javascript', command: ['node', 'complete.js'], built: 'node_modules' }),
];

function client(name: string, { folder, command, built, seconds = String }: ClientOptions): ExampleClient {
  const directory = join('clients', folder);
  const obstacle = existsSync(join(ROOT, directory, built))
    ? undefined
    : `it is not built; clients/${folder}/README.md says how`;
  const [program = '', ...first] = command;
  const run = (args: readonly string[]) => runProgram(program, [...first, ...args], join(ROOT, directory));
  return { name, directory, obstacle, seconds, run };
}
