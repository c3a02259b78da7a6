import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { ROOT } from './linnet-process.js';

/** What a command came to. */
export interface ProgramResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command line as a person would who typed it in the repository's root. */
export async function runInShell(command: string, input = '', directory = ROOT): Promise<ProgramResult> {
  const child = spawn('bash', ['-c', command], { cwd: directory });
  child.stdin.end(input);
  return resultOf(child);
}

/** Runs a program to its end; one that takes longer than 40 seconds is ended. */
export async function runProgram(
  program: string,
  args: readonly string[],
  directory = ROOT,
): Promise<ProgramResult> {
  const child = spawn(program, args, { cwd: directory, timeout: 40_000 });
  child.stdin.end();
  return resultOf(child);
}

/** Reads what a program writes, until it ends. */
export async function resultOf(child: ChildProcessWithoutNullStreams): Promise<ProgramResult> {
  const code = new Promise<number | null>((resolve) => child.once('close', resolve));
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await code, stdout, stderr };
}

/** Where grpcurl is: named by GRPCURL, or on the path; undefined where there is none. */
export const GRPCURL = process.env['GRPCURL'] ?? (hasCommand('grpcurl') ? 'grpcurl' : undefined);

/** Tells whether a command is on the path. */
export function hasCommand(name: string): boolean {
  return spawnSync('bash', ['-c', `command -v ${name}`]).status === 0;
}

/** Python: named by LINNET_TEST_PYTHON, as .ci/run does after it has installed what the tests need. */
export const PYTHON = process.env['LINNET_TEST_PYTHON'] ?? 'python3';

/** Tells whether Python is there, with packages. */
export function hasPythonPackages(...names: readonly string[]): boolean {
  return spawnSync(PYTHON, ['-c', `import ${names.join(', ')}`]).status === 0;
}

/** Puts the grpcurl that there is in the place of the one that a command line names. */
export function withGrpcurl(command: string): string {
  return command.replace(/\bgrpcurl /, `"${GRPCURL}" `);
}
