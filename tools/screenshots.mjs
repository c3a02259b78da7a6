// Takes the pictures of the page that docs/ has, against the embedded model: `npm run build`, then
// `node tools/screenshots.mjs`. Needs a Chromium; LINNET_TEST_CHROMIUM names it where it is not /usr/bin/chromium.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chromium } from 'playwright-core';

const SHOTS = {
  'page-light': { colorScheme: 'light', viewport: { width: 1180, height: 840 } },
  'page-dark': { colorScheme: 'dark', viewport: { width: 1180, height: 840 } },
  'page-compare': { colorScheme: 'light', viewport: { width: 1180, height: 960 }, compare: true },
  'page-phone': { colorScheme: 'light', viewport: { width: 390, height: 844 } },
};

const server = spawn(
  process.execPath,
  ['dist/cli/main.js', 'serve', '--http-port', '0', '--grpc-port', '0', '--preload'],
  {
    stdio: ['ignore', 'pipe', 'ignore'],
  },
);
let banner = '';
for await (const text of server.stdout.setEncoding('utf8')) {
  banner += text;
  if (banner.includes('Ctrl-C')) break;
}
const url = /^ +HTTP +(\S+)$/m.exec(banner)[1];
const executablePath = process.env.LINNET_TEST_CHROMIUM ?? '/usr/bin/chromium';
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });

for (const [name, { compare, ...options }] of Object.entries(SHOTS)) {
  const page = await browser.newPage(options);
  await page.goto(url);
  await page.getByLabel('Prompt').fill('One day, a little bird');
  if (compare) await page.getByLabel('Compare').check();
  // The field is there also where the settings are folded.
  await page
    .getByLabel('Seed')
    .first()
    .evaluate((field) => {
      field.value = '7';
      field.dispatchEvent(new Event('input', { bubbles: true }));
    });
  await page.getByRole('button', { name: 'Write' }).click();
  await page
    .getByText(/^(Length reached|The text has ended)$/)
    .nth(compare ? 1 : 0)
    .waitFor();
  if (compare)
    await page
      .locator('summary', { hasText: 'Settings' })
      .evaluateAll((all) => all.map((one) => one.click()));
  else {
    await page.locator('.token.step-3').first().hover();
    await page.getByRole('group', { name: 'In place of' }).waitFor();
    await page.evaluate('scrollTo(0, 0)');
  }
  await page.screenshot({ path: `docs/${name}.png` });
  await page.close();
}

await browser.close();
server.kill('SIGTERM');
await once(server, 'exit');
