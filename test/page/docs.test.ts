import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { axeViolations } from '../support/axe-violations.js';
import { CHROMIUM, launchBrowser, openPage, WITHOUT_CHROMIUM } from '../support/browser.js';
import { type Linnet, startLinnet } from '../support/linnet.js';

describe.skipIf(CHROMIUM === undefined)(`/docs, in a browser${WITHOUT_CHROMIUM}`, () => {
  let browser: Browser;
  let linnet: Linnet;
  beforeAll(async () => {
    [browser, linnet] = await Promise.all([launchBrowser(), startLinnet()]);
  });
  afterAll(async () => {
    await browser?.close();
    await linnet?.close();
  });
  const open = (options = {}) => openPage(browser, `${linnet.gateway.url}/docs`, options);

  it('describes every operation, and asks nobody but the service', async () => {
    const { page, messages, requested } = await open();
    await page.getByRole('heading', { name: 'Completes a prompt, or several' }).waitFor();
    const { paths } = (await (await fetch(`${linnet.gateway.url}/openapi.json`)).json()) as { paths: object };
    const text = await page.locator('main').textContent();
    for (const path of Object.keys(paths)) expect(text).toContain(path);
    expect(messages).toEqual([]);
    expect([...new Set(requested.map((url) => new URL(url).origin))]).toEqual([linnet.gateway.url]);
  });

  it('calls the live service, and shows its answer', async () => {
    const { page } = await open();
    const form = page.getByRole('form', { name: 'Try Completes a prompt, or several' });
    await form.getByLabel('Body').fill('{"prompt": "One", "max_tokens": 3, "stream": true}');
    await form.getByRole('button', { name: 'Send' }).click();
    await form.getByText(/^200 OK.* in all$/).waitFor();
    expect(await form.getByRole('region', { name: 'Answer' }).textContent()).toMatch(
      /^data: \{.*data: \[DONE\]\s*$/s,
    );
    await form.getByLabel('Body').fill('{"prompt": ');
    await form.getByRole('button', { name: 'Send' }).click();
    await form.getByText(/^400 Bad Request.* in all$/).waitFor();
    expect(await form.getByRole('region', { name: 'Answer' }).textContent()).toContain(
      '"code": "invalid_json"',
    );
  });

  it('fills in what a path names, and sends the key', async () => {
    const { page } = await open();
    await page.getByText('Key', { exact: true }).click();
    await page.getByLabel('API key').fill('secret-key');
    await page.keyboard.press('Enter');
    const form = page.getByRole('form', { name: 'Try Describes a model' });
    await form.getByLabel('model').fill('ti/ny');
    const sent = page.waitForRequest('**/v1/models/ti%2Fny');
    await form.getByRole('button', { name: 'Send' }).click();
    expect((await sent).headers()['authorization']).toBe('Bearer secret-key');
    await form.getByText(/^404 Not Found.* in all$/).waitFor();
  });

  it.each(['light', 'dark'] as const)('has no fault that axe could find, in %s', async (colorScheme) => {
    const { page } = await open({ colorScheme });
    await page.getByRole('heading', { name: 'Schemas' }).waitFor();
    await page.getByText('Fields of the request').first().click();
    await page.getByRole('button', { name: 'Send' }).first().click();
    await page.getByText(/^200 OK.* in all$/).waitFor();
    expect(await axeViolations(page)).toEqual([]);
  });

  it('fits a phone', async () => {
    const { page } = await open({ viewport: { width: 360, height: 740 } });
    await page.getByText('Fields of the request').first().click();
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360);
  });
});
