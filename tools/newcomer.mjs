// Walks the path of a newcomer, word for word: clones what is committed into an empty folder, and runs there every command of
// the README's quick start as it stands. `node tools/newcomer.mjs`; .ci/run does it. Needs ports 8000 and 50051, and says
// what it skips where a tool is missing. GRPCURL names grpcurl where it is not on the path.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const START_TIMEOUT_MS = 300_000;

const busy = (await Promise.all([8000, 50051].map(isTaken))).some(Boolean);
if (busy) {
  console.log('skipped: the README says ports 8000 and 50051, and something else listens there.');
} else {
  const folder = mkdtempSync(join(tmpdir(), 'linnet-newcomer-'));
  try {
    process.exitCode = (await walk(join(folder, 'linnet'))) ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function walk(clone) {
  runInShell(`git clone --quiet "${ROOT}" "${clone}"`, ROOT);
  const [start, ...commands] = readCommands(join(clone, 'README.md'));
  console.log(`$ ${start}`);
  const server = spawn('bash', ['-c', `exec ${start}`], { cwd: clone, detached: true });
  try {
    await untilServing(server);
    return commands.map((command) => follow(command, clone)).every(Boolean);
  } finally {
    process.kill(-server.pid, 'SIGTERM');
  }
}

/** The commands of the quick start, the one that starts the service first. */
function readCommands(readme) {
  const [, section = ''] = readFileSync(readme, 'utf8').split(/^## Quick start$/m);
  const blocks = section.split(/^## /m)[0].matchAll(/^```sh(?: run)?\n([\s\S]*?)^```$/gm);
  return [...blocks].flatMap(([, code]) => code.trim().split('\n'));
}

function follow(command, clone) {
  const [tool] = command.split(' ');
  if (runInShell(`command -v ${tool}`, clone).status !== 0) {
    console.log(`$ ${command}\nskipped: there is no ${tool} here.`);
    return true;
  }
  const { status, stdout, stderr } = runInShell(command, clone);
  const works = status === 0 && stdout.trim() !== '' && !stdout.includes('"error"');
  console.log(`$ ${command}\n${works ? 'works.' : `FAILED with status ${status}:\n${stdout}${stderr}`}`);
  return works;
}

function runInShell(command, directory) {
  const { GRPCURL, PATH } = process.env;
  const path = GRPCURL === undefined ? PATH : `${dirname(GRPCURL)}:${PATH}`;
  const env = { ...process.env, PATH: path };
  return spawnSync('bash', ['-c', command], { cwd: directory, env, encoding: 'utf8', timeout: 120_000 });
}

/** @returns {Promise<void>} */
function untilServing(server) {
  return new Promise((resolve, reject) => {
    let output = '';
    const fail = (what) => reject(new Error(`${what}\n${output}`));
    const timer = setTimeout(() => fail('It did not start in time.'), START_TIMEOUT_MS);
    server.once('exit', () => fail('It ended by itself.'));
    const note = (text) => {
      output += text;
      if (!output.includes('Ctrl-C')) return;
      clearTimeout(timer);
      resolve();
    };
    server.stdout.on('data', note);
    server.stderr.on('data', note);
  });
}

function isTaken(port) {
  return new Promise((resolve) => {
    const socket = createConnection({ host: '127.0.0.1', port });
    socket.once('error', () => resolve(false));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}
