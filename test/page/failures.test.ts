import { pino } from 'pino';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { createKey } from '../../src/security/api-key.js';
import { renderKeyFile } from '../../src/security/key-file.js';
import { KeyRing } from '../../src/security/key-ring.js';
import { startTcpProxy, type TcpProxy } from '../../tools/tcp-proxy.mjs';
import { CHROMIUM, launchBrowser, openPage, WITHOUT_CHROMIUM } from '../support/browser.js';
import { PemFolder } from '../support/certificates.js';
import type { ScriptedCall } from '../support/scripted-call.js';
import { ScriptedService } from '../support/scripted-service.js';
import { startTestGateway, type TestGateway } from '../support/test-gateway.js';
import { toTokenDelta } from '../support/token-delta.js';

describe.skipIf(CHROMIUM === undefined)(`the page, when something fails${WITHOUT_CHROMIUM}`, () => {
  let browser: Browser;
  let service: ScriptedService;
  let gateway: TestGateway;
  let proxy: TcpProxy;
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser?.close());
  beforeEach(async () => {
    service = await ScriptedService.start();
    gateway = await startTestGateway({ engineAddress: service.address });
    proxy = await startTcpProxy(gateway.url);
  });
  afterEach(async () => {
    await proxy.close();
    await gateway.close();
    service.stop();
  });

  const openAndWrite = async () => {
    const { page } = await openPage(browser, `http://${proxy.target}`);
    await page.getByRole('button', { name: 'Write' }).click();
    return page;
  };
  const alert = (page: Page) => page.getByRole('alert');
  const tryAgain = (page: Page) => page.getByRole('button', { name: 'Try again' }).click();
  const complete = (call: ScriptedCall) => {
    call.accept();
    call.sendDelta(toTokenDelta(' all is well'));
    call.finish();
  };

  it('says when to come back where the queue is full, and then goes on', async () => {
    const page = await openAndWrite();
    const [message, metadata] = ['The queue is full: 512 requests wait.', { waitingRequests: '512' }];
    (await service.nextCall()).fail({ reason: 'QUEUE_FULL', message, metadata, retryAfterMs: 2500 });
    await alert(page).waitFor();
    expect(await alert(page).textContent()).toContain(`${message}The service asks to wait 3 s.`);
    await tryAgain(page);
    complete(await service.nextCall());
    await page.getByText('all is well').waitFor();
    expect(await alert(page).count()).toBe(0);
  });

  it('says that the engine is down, and writes when it is back', async () => {
    service.stop();
    const page = await openAndWrite();
    await alert(page).waitFor();
    expect(await alert(page).textContent()).toMatch(/engine/i);
    service = await ScriptedService.start(service.port);
    service.answer = complete;
    await expect
      .poll(
        async () => {
          await tryAgain(page).catch(() => undefined);
          return page.getByText('all is well').isVisible();
        },
        { timeout: 20_000, interval: 500 },
      )
      .toBe(true);
  });

  it('keeps what had come when the network is cut, and goes on from there', async () => {
    const page = await openAndWrite();
    const call = (await service.nextCall()).accept();
    call.sendDelta(toTokenDelta(' there was'));
    await page.getByText('there was').waitFor();
    proxy.cut();
    await alert(page).waitFor();
    expect(await alert(page).textContent()).toContain('The connection broke. What had come is kept.');
    await page.getByRole('button', { name: 'Go on from here' }).click();
    const next = await service.nextCall();
    expect(next.request.input).toMatchObject({ value: 'Once upon a time there was' });
    complete(next);
    await page.getByText('all is well').waitFor();
    expect(await page.getByRole('listbox').textContent()).toBe(' there was all is well');
  });

  it('says that nobody answers where the service is gone', async () => {
    const { page } = await openPage(browser, `http://${proxy.target}`);
    await proxy.close();
    await page.getByRole('button', { name: 'Write' }).click();
    await alert(page).waitFor();
    expect(await alert(page).textContent()).toContain('The service does not answer.');
    proxy = await startTcpProxy(gateway.url);
  });

  it('tells what failed in the middle of a stream', async () => {
    const page = await openAndWrite();
    const call = (await service.nextCall()).accept();
    call.sendDelta(toTokenDelta(' there was'));
    call.fail({ reason: 'ENGINE_UNAVAILABLE', message: 'The engine shuts down.', metadata: {} });
    await alert(page).waitFor();
    expect(await alert(page).textContent()).toContain('The engine shuts down.');
  });

  it('offers the tokens that fit where more were asked for', async () => {
    const page = await openAndWrite();
    const metadata = { promptTokens: '500', contextLength: '512', maxTokens: '120' };
    (await service.nextCall()).fail({ reason: 'CONTEXT_LENGTH_EXCEEDED', message: 'Too long.', metadata });
    await page.getByRole('button', { name: 'Ask for 12 tokens' }).click();
    const call = await service.nextCall();
    expect(call.request.maxTokens).toBe(12);
    complete(call);
  });

  it('asks for an API key where the service wants one, and writes with it', async () => {
    const { key, record } = createKey('alice', {});
    const folder = new PemFolder();
    onTestFinished(() => folder.remove());
    const file = folder.write('keys.json', renderKeyFile([record]));
    const keys = new KeyRing(file, { logger: pino({ enabled: false }) });
    onTestFinished(() => keys.close());
    const secured = await startTestGateway({ engineAddress: service.address }, { keys });
    onTestFinished(() => secured.close());

    const { page } = await openPage(browser, secured.url);
    await page.getByLabel('API key').waitFor();
    await page.keyboard.type(key);
    expect(await page.getByLabel('API key').inputValue()).toBe(key);
    await page.keyboard.press('Enter');
    await page
      .getByRole('combobox', { name: 'Model' })
      .locator('option', { hasText: 'fable' })
      .waitFor({ state: 'attached' });
    await page.getByLabel('API key').fill('wrong');
    await page.getByRole('button', { name: 'Write' }).click();
    await alert(page).waitFor();
    expect(await alert(page).textContent()).toContain('The API key is not valid here.');
    await page.getByLabel('API key').fill(key);
    await tryAgain(page);
    complete(await service.nextCall());
    await page.getByText('all is well').waitFor();
  });

  it('stops the engine when it is stopped', async () => {
    const page = await openAndWrite();
    const call = (await service.nextCall()).accept();
    call.sendDelta(toTokenDelta(' there was'));
    await page.getByText('there was').waitFor();
    await page.getByRole('button', { name: 'Stop' }).click();
    expect(await call.ended).toBe('cancelled');
    expect(await page.getByRole('listbox').textContent()).toBe(' there was');
  });
});
