import type { Browser, CDPSession, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SCROLL_THROUGH } from '../../tools/scroll-through.mjs';
import { CHROMIUM, openPage, WITHOUT_CHROMIUM } from '../support/browser.js';
import type { ScriptedCall } from '../support/scripted-call.js';
import { type ScriptedPage, startScriptedPage } from '../support/scripted-page.js';
import type { ScriptedService } from '../support/scripted-service.js';
import type { TestGateway } from '../support/test-gateway.js';
import { toTokenDelta } from '../support/token-delta.js';

/** Makes what tells of one token: a word, or the end of a line after every so many of them. */
function toDelta(index: number, perLine: number) {
  return toTokenDelta(index % perLine === perLine - 1 ? '\n' : ` w${index}`, -(index % 6));
}

/** Answers with so many tokens, as fast as they are read. */
async function sendTokens(call: ScriptedCall, count: number, perLine = 40): Promise<void> {
  call.accept();
  for (let index = 0; index < count; index++) {
    if (!call.sendDelta(toDelta(index, perLine))) await call.drained();
  }
  call.finish();
}

/** Presses Write and waits for the end. */
async function writeToEnd(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Write' }).click();
  await page.getByText('Length reached').waitFor();
}

/** Tells where each token is, in a page with this rule added. */
async function placesWith(page: Page, rule: string): Promise<unknown> {
  return page.evaluate(`
    document.styleSheets[0].insertRule('${rule}', document.styleSheets[0].cssRules.length);
    [...document.querySelectorAll('.token')].map((token) => {
      const { x, y, width } = token.getClientRects()[0];
      return [x, y, width].map(Math.round).join(' ');
    })`);
}

/** What the page holds after all that can be freed has been: elements, listeners, megabytes of JavaScript's heap. */
async function measure(devtools: CDPSession) {
  await devtools.send('HeapProfiler.collectGarbage');
  const { metrics } = await devtools.send('Performance.getMetrics');
  const value = (name: string) => metrics.find((metric) => metric.name === name)?.value ?? 0;
  return {
    numNodes: value('Nodes'),
    numListeners: value('JSEventListeners'),
    heapMB: value('JSHeapUsedSize') / 1e6,
  };
}

/** Tells whether an element ends within the view. */
async function isInView(locator: Locator): Promise<boolean> {
  const [box, height] = await Promise.all([locator.boundingBox(), locator.page().evaluate('innerHeight')]);
  return box !== null && box.y >= 0 && Math.floor(box.y + box.height) <= Number(height);
}

// Counts the tokens that are drawn, and those that are changed or removed after that.
const WATCH_TOKENS = `
  globalThis.drawn = 0;
  globalThis.changed = 0;
  const isToken = (node) => node.parentElement?.closest('.token') || node.matches?.('.token');
  const watch = { subtree: true, childList: true, attributes: true, characterData: true };
  new MutationObserver((records) => {
    for (const { target, addedNodes, removedNodes } of records) {
      if (isToken(target) || [...removedNodes].some(isToken)) changed++;
      for (const node of addedNodes) {
        drawn += isToken(node) ? 1 : (node.querySelectorAll?.('.token').length ?? 0);
      }
    }
  }).observe(document.querySelector('.text'), watch);
`;

// Counts the tokens that the browser has not left out.
const NUM_DRAWN = `
  [...document.querySelectorAll('.token')].filter((token) => token.checkVisibility({ contentVisibilityAuto: true })).length
`;

describe.skipIf(CHROMIUM === undefined)(`the page, with a long text${WITHOUT_CHROMIUM}`, () => {
  let site: ScriptedPage;
  let browser: Browser;
  let service: ScriptedService;
  let gateway: TestGateway;
  beforeAll(async () => {
    site = await startScriptedPage();
    ({ browser, service, gateway } = site);
  });
  afterAll(() => site?.close());

  it('draws each of 5,000 tokens once', async () => {
    service.answer = (call) => void sendTokens(call, 5000);
    const { page, messages } = await openPage(browser, gateway.url);
    await page.evaluate(WATCH_TOKENS);
    await writeToEnd(page);
    const tokens = page.locator('.token');
    expect(await tokens.count()).toBe(5000);
    expect(await tokens.nth(4998).textContent()).toBe('w4998');
    expect(await page.evaluate('[drawn, changed]')).toEqual([5000, 0]);
    await tokens.nth(4998).hover();
    await page.getByRole('group', { name: 'In place of w4998' }).waitFor();
    expect(messages).toEqual([]);
  });

  it('draws of 5,000 tokens only those that are near the view', async () => {
    service.answer = (call) => void sendTokens(call, 5000);
    const { page } = await openPage(browser, gateway.url);
    await writeToEnd(page);
    const longestPart = `Math.max(...[...document.querySelectorAll('.part')].map((part) => part.children.length))`;
    expect(await page.evaluate(longestPart)).toBe(40);
    await page.evaluate('scrollTo(0, 0)');
    await expect.poll(() => page.evaluate(NUM_DRAWN)).toBeLessThan(1500);
    await page.evaluate('scrollTo(0, document.documentElement.scrollHeight)');
    await expect.poll(() => page.evaluate(NUM_DRAWN)).toBeLessThan(1500);
    expect(await page.evaluate(NUM_DRAWN)).toBeGreaterThan(100);
  });

  it('breaks its lines, is copied and is heard as one text', async () => {
    service.answer = (call) => void sendTokens(call, 2000, 90);
    const { page } = await openPage(browser, gateway.url);
    await writeToEnd(page);
    const list = page.getByRole('listbox');
    expect(await page.locator('.part').count()).toBe(23);
    await page.evaluate('getSelection().selectAllChildren(document.querySelector(".tokens"))');
    expect(await page.evaluate('getSelection().toString()')).toBe(await list.textContent());
    expect(await list.getByRole('option').count()).toBe(2000);
    // As it would be without parts.
    const inParts = await placesWith(page, '.part { content-visibility: visible !important }');
    const inOne = await placesWith(page, '.part { display: inline !important }');
    expect(inParts).toEqual(inOne);
  });

  it('follows its end until somebody scrolls up', async () => {
    const calls: ScriptedCall[] = [];
    service.answer = (call) => void calls.push(call.accept());
    const { page } = await openPage(browser, gateway.url);
    const end = page.locator('.sheet-end');
    await page.getByRole('button', { name: 'Write' }).click();
    await expect.poll(() => calls.length).toBe(1);
    for (let index = 0; index < 400; index++) calls[0]?.sendDelta(toDelta(index, 9));
    await page.locator('.token').nth(399).waitFor();
    expect(await isInView(end)).toBe(true);
    await page.evaluate('scrollBy(0, -300); new Promise(requestAnimationFrame)');
    const place = await page.evaluate('scrollY');
    for (let index = 400; index < 800; index++) calls[0]?.sendDelta(toDelta(index, 9));
    await page.locator('.token').nth(799).waitFor();
    expect(await page.evaluate('scrollY')).toBe(place);
    await page.getByRole('listbox').focus();
    await page.keyboard.press('End');
    expect(await isInView(page.locator('.token').last())).toBe(true);
    expect(await isInView(page.getByRole('group', { name: 'In place of' }))).toBe(true);
  });

  it('scrolls through 5,000 tokens smoothly', async ({ annotate }) => {
    service.answer = (call) => void sendTokens(call, 5000);
    const { page } = await openPage(browser, gateway.url);
    await writeToEnd(page);
    const devtools = await page.context().newCDPSession(page);
    await devtools.send('Performance.enable');
    // The time of the page's own thread: what other processes take does not count.
    const workSeconds = async () => {
      const { metrics } = await devtools.send('Performance.getMetrics');
      return metrics.find(({ name }) => name === 'ThreadTime')?.value ?? 0;
    };
    await page.evaluate('scrollTo(0, 0); new Promise((resolve) => requestIdleCallback(resolve))');
    const before = await workSeconds();
    const times = (await page.evaluate(SCROLL_THROUGH)) as number[];
    const workMs = (((await workSeconds()) - before) / times.length) * 1000;
    const at = (share: number) => Math.round((times[Math.floor(times.length * share)] ?? 0) * 10) / 10;
    await annotate(
      `${times.length} frames: median ${at(0.5)} ms, 95 % ${at(0.95)} ms, longest ${at(0.999)} ms; work ${workMs.toFixed(1)} ms each`,
    );
    // 30 frames a second, on a machine without a graphics processor that does other things too.
    expect(workMs).toBeLessThan(33);
  });

  it('holds no more after twenty completions than after two', async () => {
    let numAnswered = 0;
    service.answer = (call) => void sendTokens(call, 300).then(() => numAnswered++);
    const { page } = await openPage(browser, gateway.url);
    const devtools = await page.context().newCDPSession(page);
    await devtools.send('Performance.enable');
    const writeUntil = async (numRuns: number) => {
      while (numAnswered < numRuns) {
        const number = numAnswered + 1;
        await page.getByLabel('Prompt').fill(`Text ${number}`);
        await page.getByRole('button', { name: 'Write' }).click();
        await page.locator('.prompt-end', { hasText: `Text ${number}` }).waitFor();
        await page.getByText('Length reached').waitFor();
      }
    };
    await writeUntil(2);
    const early = await measure(devtools);
    await writeUntil(20);
    const late = await measure(devtools);
    expect(late.numNodes).toBeLessThan(early.numNodes * 1.2);
    expect(late.numListeners).toBeLessThan(early.numListeners * 1.2);
    expect(late.heapMB).toBeLessThan(early.heapMB + 1);
  });
});
