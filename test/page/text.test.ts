import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FinishReason } from '../../src/contract/gen/linnet/v1/completion.js';
import { CHROMIUM, openPage, WITHOUT_CHROMIUM } from '../support/browser.js';
import type { ScriptedCall } from '../support/scripted-call.js';
import { type ScriptedPage, startScriptedPage } from '../support/scripted-page.js';
import { MODEL, type ScriptedService } from '../support/scripted-service.js';
import type { TestGateway } from '../support/test-gateway.js';
import { toTokenDelta } from '../support/token-delta.js';

const CONTEXT = MODEL.config?.contextLength ?? 0;

describe.skipIf(CHROMIUM === undefined)(`the text on the page${WITHOUT_CHROMIUM}`, () => {
  let site: ScriptedPage;
  let browser: Browser;
  let service: ScriptedService;
  let gateway: TestGateway;
  beforeAll(async () => {
    site = await startScriptedPage();
    ({ browser, service, gateway } = site);
  });
  afterAll(() => site?.close());

  /** Presses Write, and sends these tokens. */
  const write = async (page: Page, ...texts: string[]): Promise<ScriptedCall> => {
    await page.getByRole('button', { name: 'Write' }).click();
    const call = await service.nextCall();
    call.accept();
    for (const text of texts) call.sendDelta(toTokenDelta(text));
    await page
      .locator('.token')
      .nth(texts.length - 1)
      .waitFor();
    return call;
  };
  const usage = (promptTokens: number, completionTokens: number) => ({
    usage: { promptTokens, completionTokens, cachedTokens: 0, acceptedPredictionTokens: 0 },
  });
  const card = (page: Page) => page.getByRole('group', { name: 'In place of' });

  it('ends with a mark where the model ended it, and goes on with a new text after it', async () => {
    const { page } = await openPage(browser, gateway.url);
    const call = await write(page, ' one', ' two', '<|endoftext|>');
    call.finish({ finishReason: FinishReason.STOP, ...usage(4, 3) });
    await page.getByText('The text has ended').waitFor();
    expect(await page.getByRole('listbox').textContent()).toBe(' one two');
    const end = page.getByRole('option', { name: 'end of text' });
    expect((await end.boundingBox())?.width).toBeGreaterThan(5);
    await page.getByRole('button', { name: 'Go on' }).click();
    const { request } = await service.nextCall();
    expect(request.input).toMatchObject({ value: 'Once upon a time one two<|endoftext|>' });
  });

  it('goes on for as many tokens as the context has left, and no further', async () => {
    const { page } = await openPage(browser, gateway.url);
    const call = await write(page, ' one', ' two');
    call.finish(usage(CONTEXT - 9, 2));
    await page.getByText('Length reached').waitFor();
    await page.getByRole('button', { name: 'Go on' }).click();
    const next = await service.nextCall();
    expect(next.request.maxTokens).toBe(7);
    next.accept();
    next.sendDelta(toTokenDelta(' three'));
    next.finish(usage(CONTEXT - 1, 1));
    await page.getByText('The context is full').waitFor();
    expect(await page.getByRole('button', { name: 'Go on' }).count()).toBe(0);
  });

  it('shows alternatives until a click elsewhere, or Escape, which then stops nothing', async () => {
    const { page } = await openPage(browser, gateway.url);
    const call = await write(page, ' one', ' two', ' three');
    await page.locator('.token').first().click();
    await card(page).waitFor();
    await page.locator('.token').last().hover();
    expect(await card(page).getAttribute('aria-label')).toBe('In place of one');
    await page.getByText('Writing').click();
    await expect.poll(() => card(page).count()).toBe(0);
    await page.locator('.token').first().click();
    await card(page).waitFor();
    await page.keyboard.press('Escape');
    await expect.poll(() => card(page).count()).toBe(0);
    await page.getByText('Writing').waitFor();
    await page.keyboard.press('Escape');
    await page.getByText('Stopped').waitFor();
    expect(await call.ended).not.toBe('answered');
  });

  it('shows alternatives where there is room for them', async () => {
    const { page } = await openPage(browser, gateway.url);
    const call = await write(page, ...Array.from({ length: 40 }, (_, line) => ` line ${line}\n`));
    call.finish();
    await page
      .locator('.token')
      .nth(5)
      .evaluate((token) => token.scrollIntoView({ block: 'end' }));
    await page.locator('.token').nth(5).hover();
    const [token, above] = [
      await page.locator('.token').nth(5).boundingBox(),
      await card(page).boundingBox(),
    ];
    expect((above?.y ?? 0) + (above?.height ?? 0)).toBeLessThanOrEqual(token?.y ?? 0);
    await page
      .locator('.token')
      .nth(5)
      .evaluate((token) => token.scrollIntoView({ block: 'start' }));
    await page.mouse.move(0, 0);
    await expect.poll(() => card(page).count()).toBe(0);
    await page.locator('.token').nth(5).hover();
    const below = await card(page).boundingBox();
    expect(below?.y).toBeGreaterThan((await page.locator('.token').nth(5).boundingBox())?.y ?? 0);
  });

  it('shows where the keyboard is before it moves', async () => {
    const { page } = await openPage(browser, gateway.url);
    (await write(page, ' one')).finish();
    await page.getByRole('button', { name: 'Go on' }).focus();
    await page.keyboard.press('Shift+Tab');
    expect(await page.evaluate('document.activeElement.getAttribute("role")')).toBe('listbox');
    expect(await page.evaluate('getComputedStyle(document.querySelector(".written")).outlineStyle')).toBe(
      'solid',
    );
  });
});
