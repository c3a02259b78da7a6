import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const FOLDER = fileURLToPath(new URL('.', import.meta.url));

/** Installs the peers, unless they are there: from the npm registry alone, without running their install scripts. */
export function installPeers() {
  const installed = `${FOLDER}node_modules/.package-lock.json`;
  const wanted = `${FOLDER}package-lock.json`;
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(wanted).mtimeMs) return;
  console.error('Installing the peers (600 MB, once) ...');
  const args = ['ci', '--prefix', FOLDER, '--ignore-scripts', '--loglevel=error'];
  const { status } = spawnSync('npm', args, {
    cwd: FOLDER,
    stdio: ['ignore', 'ignore', 'inherit'],
    shell: process.platform === 'win32',
  });
  if (status !== 0) throw new Error('The peers could not be installed; npm says why above.');
}
