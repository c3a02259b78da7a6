import { type ClientReadableStream, credentials, status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type HealthCheckResponse,
  HealthClient,
  type HealthListResponse,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from '../../../src/contract/gen/grpc/health/v1/health.js';
import { type GrpcHarness, startGrpcHarness, unary } from '../../support/grpc-harness.js';

const { SERVING, NOT_SERVING, SERVICE_UNKNOWN } = ServingStatus;

let harness: GrpcHarness;
let client: HealthClient;
const watches: ClientReadableStream<HealthCheckResponse>[] = [];
beforeEach(async () => {
  harness = await startGrpcHarness();
  client = new HealthClient(harness.target, credentials.createInsecure());
});
afterEach(async () => {
  for (const watch of watches.splice(0)) watch.cancel();
  client.close();
  await harness.close();
});

async function check(service: string) {
  const response = await unary<HealthCheckResponse>((done) => client.check({ service }, done));
  return response.status;
}

/** Watches a service; each call of the result waits for the next status. */
function watch(service: string) {
  const call = client.watch({ service });
  call.on('error', () => undefined);
  watches.push(call);
  const statuses = call.iterator({ destroyOnReturn: false });
  return async () => (await statuses.next()).value?.status;
}

describe('Check', () => {
  it.each(['', 'linnet.v1.Completion', 'linnet.v1.Models', 'linnet.v1.Tokenizer'])(
    'takes %o to serve while its model is not in memory, is being loaded, or is ready',
    async (service) => {
      for (const state of ['unloaded', 'loading', 'ready'] as const) {
        harness.engine.setState(state);
        expect(await check(service)).toBe(SERVING);
      }
    },
  );

  it('takes what needs the model not to serve when that has failed', async () => {
    harness.engine.setState('failed');
    expect(await check('')).toBe(NOT_SERVING);
    expect(await check('linnet.v1.Completion')).toBe(NOT_SERVING);
    expect(await check('linnet.v1.Models')).toBe(SERVING);
    expect(await check('linnet.v1.Tokenizer')).toBe(SERVING);
  });

  it('knows no other service', async () => {
    await expect(check('linnet.v1.Nothing')).rejects.toMatchObject({ code: status.NOT_FOUND });
  });
});

describe('The names for probes', () => {
  const probe = async () => ({
    live: await check('live'),
    ready: await check('ready'),
    startup: await check('startup'),
  });

  it('tell that a model can be asked, before and after it is loaded', async () => {
    for (const state of ['unloaded', 'loading', 'ready'] as const) {
      harness.engine.setState(state);
      expect(await probe()).toEqual({ live: SERVING, ready: SERVING, startup: SERVING });
    }
  });

  it('tell of a step that hangs: not live, not ready', async () => {
    harness.engine.setState('ready', { isStuck: true });
    expect(await probe()).toEqual({ live: NOT_SERVING, ready: NOT_SERVING, startup: SERVING });
  });

  it('tell of a full queue: not ready, while the server serves', async () => {
    harness.engine.setState('ready', { isQueueFull: true });
    expect(await probe()).toEqual({ live: SERVING, ready: NOT_SERVING, startup: SERVING });
    expect(await check('')).toBe(SERVING);
  });

  it('tell of the drain: not ready, but live', async () => {
    const next = watch('ready');
    const live = watch('live');
    expect([await next(), await live()]).toEqual([SERVING, SERVING]);
    const drained = harness.server.drain(1000);
    expect(await next()).toBe(NOT_SERVING);
    await drained;
  });

  it('wait, where the model is loaded at the start, until that is done for the first time', async () => {
    const preloading = await startGrpcHarness({ preloads: true });
    const other = new HealthClient(preloading.target, credentials.createInsecure());
    const ask = async (service: string) =>
      (await unary<HealthCheckResponse>((done) => other.check({ service }, done))).status;
    preloading.engine.setState('loading');
    for (const service of ['startup', 'ready', '']) expect(await ask(service)).toBe(NOT_SERVING);
    expect(await ask('live')).toBe(SERVING);
    preloading.engine.setState('ready');
    preloading.engine.setState('unloaded');
    for (const service of ['startup', 'ready', '']) expect(await ask(service)).toBe(SERVING);
    other.close();
    await preloading.close();
  });
});

describe('List', () => {
  it('lists every service with its status', async () => {
    harness.engine.setState('failed');
    const { statuses } = await unary<HealthListResponse>((done) => client.list({}, done));
    expect(statuses).toEqual({
      '': { status: NOT_SERVING },
      'linnet.v1.Completion': { status: NOT_SERVING },
      'linnet.v1.Models': { status: SERVING },
      'linnet.v1.Tokenizer': { status: SERVING },
      live: { status: SERVING },
      ready: { status: NOT_SERVING },
      startup: { status: SERVING },
    });
  });
});

describe('Watch', () => {
  it('tells the status at once, and then each change of it once', async () => {
    const next = watch('linnet.v1.Completion');
    expect(await next()).toBe(SERVING);
    harness.engine.setState('loading');
    harness.engine.setState('failed');
    expect(await next()).toBe(NOT_SERVING);
    harness.engine.setState('loading');
    expect(await next()).toBe(SERVING);
  });

  it('tells that a service is unknown, and goes on', async () => {
    const next = watch('linnet.v1.Nothing');
    expect(await next()).toBe(SERVICE_UNKNOWN);
    const known = watch('');
    expect(await known()).toBe(SERVING);
    harness.engine.setState('failed');
    expect(await known()).toBe(NOT_SERVING);
    const ended = await Promise.race([next().then(() => true), check('').then(() => false)]);
    expect(ended).toBe(false);
  });

  it('misses no change that comes while a status is being sent', async () => {
    const models = harness.engine.models.bind(harness.engine);
    harness.engine.models = () => {
      harness.engine.models = models;
      queueMicrotask(() => harness.engine.setState('failed'));
      return models();
    };
    const next = watch('');
    expect(await next()).toBe(SERVING);
    expect(await next()).toBe(NOT_SERVING);
  });

  it('serves many at once', async () => {
    const all = Array.from({ length: 50 }, () => watch(''));
    expect(await Promise.all(all.map((next) => next()))).toEqual(all.map(() => SERVING));
    harness.engine.setState('failed');
    expect(await Promise.all(all.map((next) => next()))).toEqual(all.map(() => NOT_SERVING));
  });
});
