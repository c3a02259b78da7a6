import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { axeViolations } from '../support/axe-violations.js';
import { CHROMIUM, launchBrowser, openPage, WITHOUT_CHROMIUM } from '../support/browser.js';
import { type Linnet, startLinnet } from '../support/linnet.js';
import { ROOT } from '../support/linnet-process.js';

// A model that writes words: in what random weights write, most tokens are parts of characters.
const FABLE = { engine: { models: [{ id: 'fable', directory: join(ROOT, 'models/fable') }] } };

const tokens = (page: Page) => page.getByRole('listbox').getByRole('option');
const pane = (page: Page, index: number) => page.getByRole('region').nth(index);

/** Writes the prompt and waits for the end of what comes. */
async function write(page: Page, prompt: string, numPanes = 1): Promise<void> {
  await page.getByLabel('Prompt').fill(prompt);
  await page.getByRole('button', { name: 'Write' }).click();
  for (let index = 0; index < numPanes; index++) await ended(page, index);
}

/** Takes the most probable tokens: a text that is drawn may end early. */
async function writeGreedily(page: Page, prompt: string, numTokens: number): Promise<void> {
  await page.getByRole('spinbutton', { name: 'Temperature' }).fill('0');
  await page.getByRole('spinbutton', { name: 'Tokens' }).fill(String(numTokens));
  await write(page, prompt);
}

async function ended(page: Page, index = 0): Promise<void> {
  await pane(page, index)
    .getByText(/^(Length reached|The text has ended)$/)
    .waitFor();
}

describe.skipIf(CHROMIUM === undefined)(`the page, in a browser${WITHOUT_CHROMIUM}`, () => {
  let browser: Browser;
  let linnet: Linnet;
  beforeAll(async () => {
    [browser, linnet] = await Promise.all([launchBrowser(), startLinnet(FABLE)]);
  });
  afterAll(async () => {
    await browser?.close();
    await linnet?.close();
  });
  const open = (options = {}) => openPage(browser, linnet.gateway.url, options);

  it('writes what the service writes, and asks nobody else', async () => {
    const { page, messages, requested } = await open();
    await page.getByRole('spinbutton', { name: 'Tokens' }).fill('24');
    await page.getByLabel('Seed').fill('7');
    await write(page, 'One two three');
    const body = { prompt: 'One two three', max_tokens: 24, temperature: 0.8, seed: 7 };
    const { choices } = await (await linnet.gateway.post(body)).json();
    expect(await page.getByRole('listbox').textContent()).toBe(choices[0].text);
    expect(await tokens(page).count()).toBe(24);
    expect(await page.locator('.numbers').textContent()).toMatch(/First token\d+ msSpeed\d+ tokens\/s/);
    expect(messages).toEqual([]);
    expect([...new Set(requested.map((url) => new URL(url).origin))]).toEqual([linnet.gateway.url]);
  });

  it('sends every setting', async () => {
    const { page } = await open();
    const values = {
      ...{
        Temperature: '0.5',
        'Top-p': '0.9',
        'Top-k': '40',
        Tokens: '3',
        Seed: '12345678901234567890'.slice(0, 19),
      },
      ...{ 'Presence penalty': '0.5', 'Frequency penalty': '-0.5', 'Repetition penalty': '1.25' },
    };
    for (const [label, value] of Object.entries(values)) {
      await page.getByLabel(label, { exact: true }).fill(value);
    }
    const sent = page.waitForRequest('**/v1/completions');
    await write(page, 'Go');
    expect((await sent).postDataJSON()).toMatchObject({
      ...{ model: 'fable', prompt: 'Go', temperature: 0.5, top_p: 0.9, top_k: 40, max_tokens: 3 },
      ...{ presence_penalty: 0.5, frequency_penalty: -0.5, repetition_penalty: 1.25 },
      seed: '1234567890123456789',
    });
  });

  it('writes with Ctrl and Enter, and stops with Escape', async () => {
    const { page } = await open();
    const [request] = await Promise.all([
      page.waitForRequest('**/v1/completions'),
      (async () => {
        await page.getByRole('spinbutton', { name: 'Tokens' }).fill('240');
        await page.getByLabel('Prompt').fill('On');
        await page.keyboard.press('Control+Enter');
      })(),
    ]);
    await page.keyboard.press('Escape');
    await page.getByText('Stopped', { exact: true }).waitFor();
    expect(await page.getByRole('button', { name: 'Stop' }).isDisabled()).toBe(true);
    expect(request.failure()?.errorText ?? 'net::ERR_ABORTED').toBe('net::ERR_ABORTED');
    expect(await tokens(page).count()).toBeLessThan(240);
  });

  it('shows alternatives under the pointer, and goes on from the one that is clicked', async () => {
    const { page } = await open();
    await writeGreedily(page, 'One two three', 12);
    const before = await tokens(page).allTextContents();
    const place = tokens(page).nth(4);
    await place.hover();
    const card = page.getByRole('group', { name: 'In place of' });
    expect(await card.getByRole('button').count()).toBeGreaterThanOrEqual(5);
    const alternative = card.locator('button:enabled').last();
    const name = (await alternative.locator('code').textContent()) ?? '';
    const sent = page.waitForRequest('**/v1/completions');
    await alternative.click();
    await ended(page);
    const after = await tokens(page).allTextContents();
    expect(after).toHaveLength(5 + 12);
    expect(after.slice(0, 4)).toEqual(before.slice(0, 4));
    expect(name.replace(/^·/, '').replaceAll('·', ' ').replaceAll('↵', '\n')).toBe(after[4]);
    expect(await place.getAttribute('class')).toContain('taken');
    expect((await sent).postDataJSON().prompt).toMatch(/^One two three/);
  });

  // Token 198 is a line break, and 447 the first two bytes of a dash.
  it.each([
    ['where a line ends', 198, '\n\n\n'],
    ['a token that completes no character', 447, ''],
  ])('shows %s, so that it can be pointed at', async (_, id, text) => {
    const { page } = await open();
    await page.route('**/v1/completions', (route) =>
      route.continue({ postData: { ...route.request().postDataJSON(), logit_bias: { [id]: 100 } } }),
    );
    await writeGreedily(page, 'One', 3);
    expect((await tokens(page).allTextContents()).join('')).toMatch(new RegExp(`^${text}\uFFFD*$`));
    await tokens(page).nth(0).hover();
    await page.getByRole('group', { name: 'In place of' }).waitFor();
  });

  it('can be explored with the keyboard alone', async () => {
    const { page } = await open();
    await writeGreedily(page, 'One two three', 8);
    await page.getByRole('listbox').focus();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowLeft');
    const active = await page.getByRole('listbox').getAttribute('aria-activedescendant');
    expect(active).toBe(await tokens(page).nth(1).getAttribute('id'));
    await page.keyboard.press('Enter');
    const focused = () => page.evaluate('document.activeElement.closest("fieldset") !== null');
    expect(await focused()).toBe(true);
    await page.keyboard.press('Escape');
    expect(await focused()).toBe(false);
    await page.keyboard.press('Enter');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await ended(page);
    expect(await tokens(page).count()).toBe(2 + 8);
    expect(await tokens(page).nth(1).getAttribute('class')).toContain('taken');
  });

  it('goes on from the end', async () => {
    const { page } = await open();
    await writeGreedily(page, 'One', 5);
    await page.getByRole('button', { name: 'Go on' }).click();
    await tokens(page).nth(9).waitFor();
    await ended(page);
    expect(await tokens(page).count()).toBe(10);
  });

  it('compares two settings side by side', async () => {
    const { page, messages } = await open();
    await page.getByLabel('Compare').check();
    for (const index of [0, 1]) {
      await pane(page, index).getByRole('spinbutton', { name: 'Tokens' }).fill('10');
      await pane(page, index)
        .getByRole('spinbutton', { name: 'Temperature' })
        .fill(index === 0 ? '2' : '0');
    }
    await write(page, 'One two three', 2);
    const greedy = { prompt: 'One two three', max_tokens: 10, temperature: 0 };
    const { choices } = await (await linnet.gateway.post(greedy)).json();
    const texts = await page.getByRole('listbox').allTextContents();
    expect(texts[1]).toBe(choices[0].text);
    expect(texts[0]).not.toBe(texts[1]);
    const [left, right] = await Promise.all([0, 1].map((index) => pane(page, index).boundingBox()));
    expect(right?.x).toBeGreaterThan((left?.x ?? 0) + (left?.width ?? 0));
    expect(messages).toEqual([]);
  });

  it('shows the request for elsewhere, and copies it', async () => {
    const { page } = await open({ permissions: ['clipboard-read', 'clipboard-write'] });
    await page.getByLabel('Prompt').fill("It's");
    await page.getByText('The same request elsewhere').click();
    await page.getByRole('tab', { name: 'curl', exact: true }).focus();
    await page.keyboard.press('ArrowRight');
    expect(await page.getByRole('tab', { name: 'grpcurl' }).getAttribute('aria-selected')).toBe('true');
    expect(await page.getByRole('tabpanel').textContent()).toContain(` ${linnet.target} linnet.v1`);
    await page.getByRole('button', { name: 'Copy' }).click();
    await page.getByText('Copied').waitFor();
    expect(await page.evaluate('navigator.clipboard.readText()')).toContain("It'\\''s");
  });

  it('keeps an API key in the tab alone, and sends it', async () => {
    const { page } = await open();
    await page.getByText('Key', { exact: true }).click();
    await page.getByLabel('API key').fill('secret-key');
    await page.keyboard.press('Enter');
    const sent = page.waitForRequest('**/v1/completions');
    await write(page, 'One');
    expect((await sent).headers()['authorization']).toBe('Bearer secret-key');
    expect(await page.evaluate('[localStorage.length, document.cookie]')).toEqual([0, '']);
    await page.reload();
    await page.getByText('Key ✓').click();
    expect(await page.getByLabel('API key').inputValue()).toBe('secret-key');
    expect(await page.content()).not.toMatch(/secret-key[^"]/);
  });

  it.each(['light', 'dark'] as const)('has no fault that axe could find, in %s', async (colorScheme) => {
    const { page } = await open({ colorScheme });
    expect(await axeViolations(page)).toEqual([]);
    await page.getByLabel('Compare').check();
    await write(page, 'One two three', 2);
    await page.getByText('The same request elsewhere').first().click();
    await page.getByText('Key', { exact: true }).click();
    await page.getByRole('listbox').first().focus();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Enter');
    expect(await axeViolations(page)).toEqual([]);
    const ground = await page.evaluate('getComputedStyle(document.body).backgroundColor');
    expect(ground).toBe(colorScheme === 'dark' ? 'rgb(23, 21, 20)' : 'rgb(242, 240, 238)');
  });

  it('fits a phone', async () => {
    const { page } = await open({ viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true });
    await write(page, 'One two three');
    await tokens(page).nth(6).tap();
    await page.getByRole('group', { name: 'In place of' }).waitFor();
    await page.getByText('Settings').click();
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360);
    expect(await axeViolations(page)).toEqual([]);
  });
});
