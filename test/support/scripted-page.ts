import type { Browser } from 'playwright-core';
import { launchBrowser } from './browser.js';
import { ScriptedService } from './scripted-service.js';
import { startTestGateway, type TestGateway } from './test-gateway.js';

/** A browser, and a gateway that serves the page, in front of a service that answers as a test says. */
export interface ScriptedPage {
  readonly browser: Browser;
  readonly service: ScriptedService;
  readonly gateway: TestGateway;
  close(): Promise<void>;
}

/** Starts all three. */
export async function startScriptedPage(): Promise<ScriptedPage> {
  const browser = await launchBrowser();
  const service = await ScriptedService.start();
  const gateway = await startTestGateway({ engineAddress: service.address });
  const close = async () => {
    await browser.close();
    await gateway.close();
    service.stop();
  };
  return { browser, service, gateway, close };
}
