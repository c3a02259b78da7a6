// Takes the pictures of the page that docs/ has, against the embedded model: `npm run build`, then
// `node tools/screenshots.mjs`. Needs a Chromium; LINNET_TEST_CHROMIUM names it where it is not /usr/bin/chromium.
import { servePage } from './served-page.mjs';

/** @type {Record<string, import('playwright-core').BrowserContextOptions & { compare?: boolean }>} */
const SHOTS = {
  'page-light': { colorScheme: 'light', viewport: { width: 1180, height: 840 } },
  'page-dark': { colorScheme: 'dark', viewport: { width: 1180, height: 840 } },
  'page-compare': { colorScheme: 'light', viewport: { width: 1180, height: 990 }, compare: true },
  'page-phone': { colorScheme: 'light', viewport: { width: 390, height: 844 } },
};

const { url, browser, close } = await servePage(['serve', '--grpc-port', '0', '--preload']);

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
  }
  // It has followed the end of the text.
  await page.evaluate('scrollTo(0, 0)');
  await page.screenshot({ path: `docs/${name}.png` });
  await page.close();
}

await close();
