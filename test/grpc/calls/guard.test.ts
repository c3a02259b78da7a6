import { credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type HealthCheckResponse, HealthClient } from '../../../src/contract/gen/grpc/health/v1/health.js';
import {
  type ListModelsResponse,
  ModelState,
  ModelsClient,
  type UnloadModelResponse,
} from '../../../src/contract/gen/linnet/v1/models.js';
import { decodeRichStatus } from '../../../src/contract/rich-status.js';
import { createKey } from '../../../src/security/api-key.js';
import { renderKeyFile } from '../../../src/security/key-file.js';
import { KeyRing } from '../../../src/security/key-ring.js';
import { PemFolder } from '../../support/certificates.js';
import {
  type GrpcHarness,
  readAll,
  startGrpcHarness,
  unary,
  wireRequest,
} from '../../support/grpc-harness.js';
import { accepted, delta, finished } from '../../support/scripted-engine.js';

const alice = createKey('alice', { concurrentRequests: 1 });
const bob = createKey('bob', { tokensPerMinute: 6 });
const carol = createKey('carol', {});
const admin = createKey('admin', { isAdmin: true });

let folder: PemFolder;
let keys: KeyRing;
let harness: GrpcHarness;
beforeEach(async () => {
  folder = new PemFolder();
  const file = folder.write('keys.json', renderKeyFile([alice.record, bob.record, admin.record]));
  keys = new KeyRing(file, { logger: pino({ enabled: false }) });
  harness = await startGrpcHarness({ keys, maxMetadataBytes: 2048 });
  harness.engine.script = (generation) => generation.emit(accepted(), delta('a'), finished());
});
afterEach(async () => {
  await harness.close();
  keys.close();
  folder.remove();
});

function withKey(key: string | undefined, name = 'authorization'): Metadata {
  const metadata = new Metadata();
  if (key !== undefined) metadata.set(name, name === 'authorization' ? `Bearer ${key}` : key);
  return metadata;
}

function generate(metadata: Metadata) {
  return readAll(harness.client.generate(wireRequest(), metadata));
}

describe('A service that asks for API keys', () => {
  it.each(['authorization', 'x-api-key'])('answers a key in `%s`, and logs its id', async (name) => {
    const { messages, error } = await generate(withKey(alice.key, name));
    expect(error).toBeUndefined();
    expect(messages).toHaveLength(3);
    expect(harness.logs.at(-1)).toMatchObject({ msg: 'call done', key: 'alice' });
    expect(JSON.stringify(harness.logs)).not.toContain(alice.key.slice(-43));
  });

  it.each([
    ['no key', undefined, 'API_KEY_MISSING'],
    ['a foreign key', carol.key, 'API_KEY_INVALID'],
    ['what is no key', 'sk-none', 'API_KEY_INVALID'],
  ])('refuses %s with UNAUTHENTICATED, before it reads the request', async (_what, key, reason) => {
    const { messages, error } = await generate(withKey(key));
    expect(messages).toEqual([]);
    expect(error?.code).toBe(status.UNAUTHENTICATED);
    const rich = decodeRichStatus(error as ServiceError);
    expect(rich).toMatchObject({ reason, metadata: { request_id: expect.any(String) } });
    expect(error?.details).not.toMatch(/ {4}at |\n/);
    expect(harness.engine.generations).toEqual([]);
    expect(harness.logs).toHaveLength(1);
    expect(harness.logs[0]).toMatchObject({ level: 30, msg: 'call refused', reason });
    if (key !== undefined) expect(JSON.stringify(harness.logs)).not.toContain(key);
  });

  it('asks for one on every service but health', async () => {
    const models = new ModelsClient(harness.target, credentials.createInsecure());
    const list = (metadata: Metadata) =>
      unary<ListModelsResponse>((done) => models.listModels({}, metadata, done));
    await expect(list(new Metadata())).rejects.toMatchObject({ code: status.UNAUTHENTICATED });
    expect((await list(withKey(bob.key))).models).toHaveLength(1);
    models.close();
    const health = new HealthClient(harness.target, credentials.createInsecure());
    const check = unary<HealthCheckResponse>((done) => health.check({ service: '' }, done));
    expect(await check).toEqual({ status: 1 });
    health.close();
  });

  it("refuses more than a key's requests at a time with RESOURCE_EXHAUSTED, until one has ended", async () => {
    harness.engine.script = undefined;
    const next = harness.engine.next();
    const first = generate(withKey(alice.key));
    const generation = await next;
    const { error } = await generate(withKey(alice.key));
    expect(error?.code).toBe(status.RESOURCE_EXHAUSTED);
    expect(decodeRichStatus(error as ServiceError)).toMatchObject({
      reason: 'RATE_LIMIT_EXCEEDED',
      quotaSubject: 'key:alice',
      retryAfterMs: 1000,
      metadata: { key: 'alice', limit: '1', limit_of: 'requests at a time' },
    });
    generation.emit(finished());
    await first;
    harness.engine.script = (other) => other.emit(finished());
    await expect.poll(async () => (await generate(withKey(alice.key))).error).toBeUndefined();
  });

  it("charges a key's tokens, of prompts and completions, as they come", async () => {
    // Five tokens of the prompt, and one that is generated.
    expect((await generate(withKey(bob.key))).error).toBeUndefined();
    const { error } = await generate(withKey(bob.key));
    const rich = decodeRichStatus(error as ServiceError);
    expect(rich).toMatchObject({ reason: 'RATE_LIMIT_EXCEEDED', metadata: { limit_of: 'tokens a minute' } });
    expect(rich?.retryAfterMs).toBeGreaterThan(9000);
  });
});

describe('Loading and unloading models', () => {
  it.each(['loadModel', 'unloadModel'] as const)("is for administrators' keys: %s", async (method) => {
    const models = new ModelsClient(harness.target, credentials.createInsecure());
    const ask = (key: string) =>
      unary<UnloadModelResponse>((done) => models[method]({ id: '' }, withKey(key), done as never));
    const refusal = await ask(alice.key).catch((caught) => caught);
    expect(refusal.code).toBe(status.PERMISSION_DENIED);
    expect(decodeRichStatus(refusal)).toMatchObject({
      reason: 'ADMIN_KEY_REQUIRED',
      metadata: { key: 'alice', request_id: expect.any(String) },
    });
    expect(harness.logs.at(-1)).toMatchObject({ level: 30, key: 'alice', reason: 'ADMIN_KEY_REQUIRED' });
    const state = method === 'loadModel' ? ModelState.READY : ModelState.UNLOADED;
    expect((await ask(admin.key)).model?.state).toBe(state);
    models.close();
  });
});

describe('Metadata', () => {
  it('beyond the limit is refused with INVALID_ARGUMENT that names it', async () => {
    const metadata = withKey(alice.key);
    metadata.set('x-filler', 'x'.repeat(3000));
    const { error } = await generate(metadata);
    expect(error?.code).toBe(status.INVALID_ARGUMENT);
    expect(decodeRichStatus(error as ServiceError)).toMatchObject({
      reason: 'INVALID_FIELD',
      metadata: { max_metadata_bytes: '2048' },
    });
  });
});
