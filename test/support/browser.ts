import { existsSync } from 'node:fs';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { onTestFinished } from 'vitest';

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** Where a Chromium is: named by LINNET_TEST_CHROMIUM, or where Linux distributions put it; undefined for none. */
export const CHROMIUM = process.env['LINNET_TEST_CHROMIUM'] ?? PLACES.find((place) => existsSync(place));

/** Follows the title of tests that need a browser: says why they are skipped, if they are. */
export const WITHOUT_CHROMIUM =
  CHROMIUM === undefined ? ' (skipped: no Chromium, and LINNET_TEST_CHROMIUM names none)' : '';

/** Starts the browser. Its sandbox is off: root, as in containers, can not have it, and only our own page is opened. */
export function launchBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM ?? '', args: ['--no-sandbox'] });
}

/** A page, with all that a person would not see of it. */
export interface WatchedPage {
  readonly page: Page;
  /** What stands in the console, errors that nobody caught among it. */
  readonly messages: string[];
  /** Every address that was asked for. */
  readonly requested: string[];
}

/** Opens an address in a fresh profile that ends with the test. */
export async function openPage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<WatchedPage> {
  const context = await browser.newContext({ viewport: { width: 1180, height: 800 }, ...options });
  onTestFinished(() => context.close());
  const page = await context.newPage();
  const messages: string[] = [];
  const requested: string[] = [];
  page.on('console', (message) => messages.push(message.text()));
  page.on('pageerror', (error) => messages.push(String(error)));
  page.on('requestfailed', (request) => messages.push(`${request.url()} ${request.failure()?.errorText}`));
  page.on('request', (request) => requested.push(request.url()));
  await page.goto(url);
  return { page, messages, requested };
}
