// Runs before `npm start`, `npm test` and `npm run bench`: installs what package-lock.json names, compiles src/ and
// bundles src/page, each only where something has changed since. It uses Node's own modules alone, says nothing when there is nothing to
// do, and then needs neither the network nor a writable folder.
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const OLDEST_NODE = [20, 19];
const NPM_OPTIONS = [
  '--include=dev',
  '--loglevel=error',
  // npm's own pauses between tries add up to minutes where there is no network.
  '--fetch-retry-mintimeout=1000',
  '--fetch-retry-maxtimeout=5000',
];
const LOCK = join('dist', '.preparing');
const LOCK_EXPIRES_MS = 15 * 60_000;
const BUILT = join('dist', '.prepared');

try {
  process.chdir(fileURLToPath(new URL('..', import.meta.url)));
  checkNode();
  if (mustInstall() || mustBuild()) alone(prepare);
} catch (error) {
  console.error(`\nlinnet: ${error.message}\n`);
  process.exitCode = 1;
}

function prepare() {
  // Whoever held the lock before may have done it all.
  if (mustInstall()) install();
  if (mustBuild()) build();
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  const [oldestMajor, oldestMinor] = OLDEST_NODE;
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return;
  const oldest = OLDEST_NODE.join('.');
  throw new Error(
    `Node ${oldest} or newer is needed; this is ${process.versions.node}. Install it, then run this again.`,
  );
}

/** Compares what package-lock.json names with what npm noted that it installed. */
function mustInstall() {
  const installed = readJson(join('node_modules', '.package-lock.json'));
  if (installed === undefined) return true;
  const wanted = readJson('package-lock.json');
  if (wanted === undefined) return false;
  return Object.entries(wanted.packages).some(([path, entry]) => {
    if (path === '') return false;
    const present = installed.packages[path];
    // An optional package of another platform is never installed.
    return present === undefined ? !entry.optional : present.version !== entry.version;
  });
}

function install() {
  console.error('Installing packages (once, about a minute) ...');
  const started = Date.now();
  const command = existsSync('package-lock.json') ? 'ci' : 'install';
  const { status, stderr } = npm([command, ...NPM_OPTIONS]);
  if (status !== 0) throw new Error(installFailure(command, stderr));
  console.error(`Installed in ${seconds(started)} s.`);
}

function npm(args) {
  /** @type {import('node:child_process').SpawnSyncOptionsWithStringEncoding} */
  const options = {
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe'],
    // onnxruntime-node's install script would download CUDA libraries; the CPU's are inside the package.
    env: { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'skip' },
  };
  const cli = process.env.npm_execpath;
  if (cli?.endsWith('npm-cli.js')) return spawnSync(process.execPath, [cli, ...args], options);
  return spawnSync('npm', args, { ...options, shell: process.platform === 'win32' });
}

function installFailure(command, stderr) {
  const code = /npm (?:error|ERR!) code (\S+)/.exec(stderr ?? '')?.[1];
  const offline = ['ENOTFOUND', 'ECONNREFUSED', 'ECONNRESET', 'ETIMEDOUT', 'EAI_AGAIN', 'ENETUNREACH'];
  if (offline.includes(code)) {
    return `Packages could not be installed: the npm registry can't be reached (${code}). Check the network and \`npm config get registry\`, then run this again.`;
  }
  return `Packages could not be installed${code ? ` (${code})` : ''}. Run \`npm ${command}\` to see why.`;
}

/** Compares every source's time with that of the last build that succeeded. */
function mustBuild() {
  if (!existsSync(BUILT)) return true;
  const builtAt = statSync(BUILT).mtimeMs;
  return ['tsconfig.json', 'tsconfig.build.json', 'package-lock.json', 'src'].some((path) =>
    isNewer(path, builtAt),
  );
}

function isNewer(path, timeMs) {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return false;
  // A folder's own time tells of files that were added or removed.
  if (stat.mtimeMs > timeMs) return true;
  return stat.isDirectory() && readdirSync(path).some((name) => isNewer(join(path, name), timeMs));
}

function build() {
  console.error('Building ...');
  const started = new Date();
  runTool(join('typescript', 'bin', 'tsc'), ['-p', 'tsconfig.build.json']);
  runTool(join('vite', 'bin', 'vite.js'), ['build', join('src', 'page')]);
  writeFileSync(`${BUILT}.${process.pid}`, `${started.toISOString()}\n`);
  renameSync(`${BUILT}.${process.pid}`, BUILT);
  console.error(`Built in ${seconds(started)} s.`);
}

function runTool(path, args) {
  const { status } = spawnSync(process.execPath, [join('node_modules', path), ...args], {
    // The compiler's findings, which it prints on stdout, are errors here.
    stdio: ['ignore', 2, 2],
  });
  if (status === 0) return;
  throw new Error('The build failed; the lines above say where. Mend that, then run this again.');
}

/** Runs an action while no other process of this folder does; waits for its turn. */
function alone(action) {
  mkdirSync('dist', { recursive: true });
  let waiting = false;
  while (!takeLock()) {
    if (!waiting) console.error('Waiting for another run that prepares this folder ...');
    waiting = true;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
  }
  try {
    action();
  } finally {
    rmSync(LOCK, { recursive: true, force: true });
  }
}

/** Makes the lock folder, its owner's process id inside; one whose owner is gone counts for nothing. */
function takeLock() {
  const mine = `${LOCK}.${process.pid}`;
  rmSync(mine, { recursive: true, force: true });
  mkdirSync(mine);
  writeFileSync(join(mine, 'pid'), String(process.pid));
  try {
    // The folder appears with the id in it, or not at all: a rename onto a folder that is not empty fails.
    renameSync(mine, LOCK);
    return true;
  } catch {
    rmSync(mine, { recursive: true, force: true });
  }
  if (isAbandoned()) rmSync(LOCK, { recursive: true, force: true });
  return false;
}

function isAbandoned() {
  const owner = readJson(join(LOCK, 'pid'));
  const stat = statSync(LOCK, { throwIfNoEntry: false });
  if (owner === undefined || stat === undefined) return false;
  // An id may have been given to another process since, so age counts too.
  return !isAlive(owner) || Date.now() - stat.mtimeMs > LOCK_EXPIRES_MS;
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

function seconds(since) {
  return ((Date.now() - since) / 1000).toFixed(1);
}
