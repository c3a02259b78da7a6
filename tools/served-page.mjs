// What the tools that look at the page share: a process of Linnet that serves it, and a browser.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chromium } from 'playwright-core';

/**
 * Starts `linnet COMMAND` on free ports, and a Chromium; LINNET_TEST_CHROMIUM names it where it is not /usr/bin/chromium.
 *
 * @param {readonly string[]} command The command and its flags.
 * @returns The page's address, the browser, and what ends both.
 */
export async function servePage(command) {
  // Before the server, which nobody would end where there is no browser.
  const executablePath = process.env.LINNET_TEST_CHROMIUM ?? '/usr/bin/chromium';
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  const server = spawn(process.execPath, ['dist/cli/main.js', ...command, '--http-port', '0'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let banner = '';
  for await (const text of server.stdout.setEncoding('utf8')) {
    banner += text;
    if (banner.includes('Ctrl-C')) break;
  }
  const close = async () => {
    await browser.close();
    const ended = once(server, 'exit');
    server.kill('SIGTERM');
    await ended;
  };
  return { url: /^ +HTTP +(\S+)$/m.exec(banner)[1], browser, close };
}
