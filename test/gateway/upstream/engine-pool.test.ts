import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { scrape } from '../../support/metrics.js';
import { ScriptedService } from '../../support/scripted-service.js';
import { startTestGateway, type TestGateway } from '../../support/test-gateway.js';

let services: ScriptedService[];
let gateway: TestGateway;
beforeEach(async () => {
  services = await Promise.all([1, 2, 3].map(() => ScriptedService.start()));
});
afterEach(async () => {
  await gateway.close();
  for (const service of services) service.stop();
});

async function start(settings = {}, deps = {}): Promise<void> {
  const engineAddress = services.map(({ address }) => address).join();
  gateway = await startTestGateway({ engineAddress, numChannels: 1, ...settings }, deps);
}

async function states(): Promise<Record<string, string>> {
  const { engines } = (await (await fetch(`${gateway.url}/health`)).json()) as {
    engines: { address: string; state: string }[];
  };
  return Object.fromEntries(engines.map(({ address, state }) => [address, state]));
}

const allReady = () =>
  vi.waitFor(async () => expect(new Set(Object.values(await states()))).toEqual(new Set(['ready'])));

/** Lets each service answer, and counts how often it did. */
function count(): number[] {
  const counts = services.map(() => 0);
  services.forEach((service, i) => {
    service.answer = (call) => {
      counts[i]! += 1;
      call.complete('x');
    };
  });
  return counts;
}

describe('A gateway with several engines', () => {
  it('asks the one that owes least', async () => {
    await start();
    await allReady();
    const answers = [1, 2, 3].map(() => gateway.post({}));
    const calls = await Promise.all(services.map((service) => service.nextCall()));
    calls[1]!.complete('x');
    await Promise.race(answers);
    const counts = count();
    for (let i = 0; i < 4; i++) await gateway.post({});
    expect(counts).toEqual([0, 4, 0]);
    calls[0]!.complete('x');
    calls[2]!.complete('x');
    await Promise.all(answers);
  });

  it('asks the same engine for prompts with the same beginning', async () => {
    await start();
    await allReady();
    const counts = count();
    for (let i = 0; i < 12; i++) await gateway.post({ prompt: `${'The same story. '.repeat(20)} ${i}` });
    expect(counts.toSorted((a, b) => a - b)).toEqual([0, 0, 12]);
  });

  it('asks none that says that it does not serve, and asks it again when it does', async () => {
    await start();
    await allReady();
    services[0]!.isServing = false;
    await vi.waitFor(async () =>
      expect(await states()).toMatchObject({ [services[0]!.address]: 'not_serving' }),
    );
    const counts = count();
    for (let i = 0; i < 9; i++) expect((await gateway.post({})).status).toBe(200);
    expect(counts[0]).toBe(0);
    const metrics = await scrape(gateway.url);
    expect(metrics.value('linnet_gateway_engine_ejections_total', { engine: services[0]!.address })).toBe(1);
    expect(metrics.value('linnet_gateway_engine_serving')).toBe(2);
    services[0]!.isServing = true;
    await allReady();
    for (let i = 0; i < 9; i++) await gateway.post({});
    expect(counts[0]).toBeGreaterThan(0);
  });

  it('asks another one, once, where one refuses or dies before there is text', async () => {
    await start();
    await allReady();
    const counts = count();
    services[0]!.answer = (call) =>
      call.fail({
        reason: 'QUEUE_FULL',
        message: 'Full.',
        metadata: { waitingRequests: '1' },
        retryAfterMs: 1000,
      });
    services[1]!.answer = (call) => call.accept().failBare(14, 'Connection dropped');
    for (let i = 0; i < 12; i++) {
      const response = await gateway.post({});
      // Two that fail one after the other are one too many.
      if (response.status !== 200) expect([429, 503]).toContain(response.status);
    }
    expect(counts[2]).toBeGreaterThan(3);
    const retried = (await scrape(gateway.url)).value('linnet_gateway_engine_retries_total');
    expect(retried).toBeGreaterThan(3);
  });

  it('passes a refusal on where every engine refuses', async () => {
    await start();
    await allReady();
    let numCalls = 0;
    for (const service of services) {
      service.answer = (call) => {
        numCalls += 1;
        call.fail({
          reason: 'QUEUE_FULL',
          message: 'Full.',
          metadata: { waitingRequests: '1' },
          retryAfterMs: 1000,
        });
      };
    }
    expect((await gateway.post({})).status).toBe(429);
    expect(numCalls).toBe(2);
  });

  it('says which engines are there, and that none serves', async () => {
    await start();
    for (const service of services) service.isServing = false;
    await vi.waitFor(async () => expect((await fetch(`${gateway.url}/health`)).status).toBe(503));
    const { error } = (await (await fetch(`${gateway.url}/health`)).json()) as { error: Error };
    expect(error.message).toBe('None of the 3 engines serves.');
  });
});

describe('A gateway whose engines are the addresses of a name', () => {
  // One port and several addresses of loopback stand for the pods of a headless service.
  it('follows the name while streams run: new ones get requests, one that is gone finishes what it has', async () => {
    const [first] = services;
    let ips = ['127.0.0.1'];
    const resolve = async () => ips;
    await start({ engineAddress: `dns:///engines.test:${first!.port}`, resolveIntervalMs: 20 }, { resolve });
    const answer = gateway.post({ stream: true });
    const call = await first!.nextCall();
    call.accept().sendText('Once');
    const response = await answer;
    ips = ['127.0.0.2'];
    await vi.waitFor(async () =>
      expect(Object.keys(await states())).toContain(`ipv4:127.0.0.2:${first!.port}`),
    );
    call.sendText(' upon');
    call.finish();
    expect(await response.text()).toMatch(/" upon".*\[DONE\]\n\n$/s);
    await vi.waitFor(async () =>
      expect(Object.keys(await states())).toEqual([`ipv4:127.0.0.2:${first!.port}`]),
    );
  });

  it('keeps those that it knows where the name does not resolve, and says so once', async () => {
    const [first] = services;
    let isBroken = false;
    const resolve = async () => {
      if (isBroken) throw new Error('getaddrinfo ENOTFOUND engines.test');
      return ['127.0.0.1'];
    };
    await start({ engineAddress: `dns:///engines.test:${first!.port}`, resolveIntervalMs: 10 }, { resolve });
    count();
    expect((await gateway.post({})).status).toBe(200);
    isBroken = true;
    await vi.waitFor(() => expect(JSON.stringify(gateway.log)).toContain('does not resolve'));
    expect((await gateway.post({})).status).toBe(200);
    expect(gateway.log.filter(({ msg }) => String(msg).includes('does not resolve'))).toHaveLength(1);
  });

  it('says that there is no engine where the name never did', async () => {
    const resolve = async () => [];
    await start({ engineAddress: 'dns:///engines.test:1' }, { resolve });
    const response = await gateway.post({});
    expect(response.status).toBe(503);
    expect((await response.json()).error.message).toContain('dns:///engines.test:1 does not resolve');
  });
});
