import { once } from 'node:events';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { request as secureRequest } from 'node:https';
import { connect } from 'node:tls';
import { type ChannelCredentials, credentials, status } from '@grpc/grpc-js';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CompletionClient } from '../../src/contract/gen/linnet/v1/completion.js';
import { PemStore } from '../../src/security/pem-store.js';
import { type Identity, PemFolder, TestAuthority } from '../support/certificates.js';
import {
  type CallResult,
  type GrpcHarness,
  readAll,
  startGrpcHarness,
  wireRequest,
} from '../support/grpc-harness.js';
import { accepted, delta, finished } from '../support/scripted-engine.js';
import { startTestGateway, type TestGateway } from '../support/test-gateway.js';

const authority = new TestAuthority();
const server = authority.issue('localhost');
const client = authority.issue('a client');
const expired = authority.issue('late', { validTo: new Date(Date.now() - 60_000) });
// It has the same name, and another key.
const foreign = new TestAuthority().issue('a client');

let folder: PemFolder;
let stores: PemStore[];
let harness: GrpcHarness;
let gateway: TestGateway;

/** Both surfaces over TLS, between them and towards clients, each end with a certificate of the authority. */
beforeEach(async () => {
  folder = new PemFolder();
  const caFile = folder.write('ca.crt', authority.cert);
  const options = { logger: pino({ enabled: false }), intervalMs: 20 };
  const tls = new PemStore({ identity: folder.writeIdentity('server', server), caFile }, options);
  const engineTls = new PemStore({ identity: folder.writeIdentity('gateway', client), caFile }, options);
  stores = [tls, engineTls];
  harness = await startGrpcHarness({ tls });
  gateway = await startTestGateway({ engineAddress: harness.target }, { tls, engineTls });
});
afterEach(async () => {
  await gateway.close();
  await harness.close();
  for (const store of stores) store.close();
  folder.remove();
});

function grpcCredentials(identity: Identity | undefined, ca = authority.cert): ChannelCredentials {
  const { key, cert } = identity ?? {};
  return credentials.createSsl(
    Buffer.from(ca),
    key ? Buffer.from(key) : null,
    cert ? Buffer.from(cert) : null,
  );
}

/** Makes one call over a connection of its own. */
async function generate(channel: ChannelCredentials) {
  const completion = new CompletionClient(harness.target, channel, { 'grpc.use_local_subchannel_pool': 1 });
  const result = await readAll(completion.generate(wireRequest()));
  completion.close();
  return result;
}

/** Begins a streamed completion over a connection of its own. */
function post(identity: Identity | undefined, ca = authority.cert): Promise<IncomingMessage> {
  const options = {
    method: 'POST',
    agent: false,
    headers: { 'content-type': 'application/json' },
    ca,
    ...identity,
  };
  return answerOf(secureRequest(`${gateway.url}/v1/completions`, options), '{"prompt":"Hi","stream":true}');
}

function answerOf(call: ClientRequest, body: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    call.on('response', resolve).on('error', reject).end(body);
  });
}

async function textOf(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const part of response.setEncoding('utf8')) text += part;
  return text;
}

const answerAtOnce = () => {
  harness.engine.script = (generation) => generation.emit(accepted(), delta('a'), finished());
};

describe('TLS', () => {
  it('is spoken on both surfaces and between them, with certificates on both ends', async () => {
    answerAtOnce();
    expect(gateway.url).toMatch(/^https:/);
    expect((await generate(grpcCredentials(client))).messages).toHaveLength(3);
    const response = await post(client);
    expect(response.statusCode).toBe(200);
    expect(await textOf(response)).toMatch(/"text":"a"[\s\S]*data: \[DONE\]\n\n$/);
  });

  it.each([
    ['no certificate', undefined],
    ['an expired certificate', expired],
    ["another authority's certificate", foreign],
  ])('refuses a client with %s, and answers others', async (_what, identity) => {
    answerAtOnce();
    const { messages, error } = await generate(grpcCredentials(identity));
    expect(messages).toEqual([]);
    expect(error?.code).toBe(status.UNAVAILABLE);
    expect(error?.details).not.toMatch(/ {4}at |src\/|dist\//);
    await expect(post(identity)).rejects.toMatchObject({
      code: expect.stringMatching(/^(ERR_SSL|ECONNRESET|EPIPE)/),
    });
    expect(harness.engine.generations).toEqual([]);
    expect(JSON.stringify([harness.logs, gateway.log])).not.toMatch(/ {4}at /);
    expect((await generate(grpcCredentials(client))).error).toBeUndefined();
    expect((await post(client)).statusCode).toBe(200);
  });

  it('does not answer clients that speak plaintext', async () => {
    expect((await generate(credentials.createInsecure())).error?.code).toBe(status.UNAVAILABLE);
    const call = request(gateway.url.replace('https', 'http'), { method: 'POST', agent: false });
    await expect(answerOf(call, '{}')).rejects.toThrow();
    expect(harness.engine.generations).toEqual([]);
  });

  it('lets streams finish while the gateway drains, and closes connections on which nothing was sent', async () => {
    const next = harness.engine.next();
    const answer = post(client);
    const generation = await next;
    generation.emit(accepted(), delta('first'));
    const text = textOf(await answer);
    const silent = connect({ host: '127.0.0.1', port: gateway.port, rejectUnauthorized: false, ...client });
    await once(silent, 'secureConnect');
    const drained = gateway.drain(3_600_000);
    await once(silent.resume(), 'close');
    generation.emit(delta('last'), finished());
    expect(await text).toMatch(/"last"[\s\S]*data: \[DONE\]\n\n$/);
    await drained;
  });

  it('keeps the gateway from an engine that shows a foreign certificate', async () => {
    const caFile = folder.write('other-ca.crt', new TestAuthority().cert);
    const engineTls = new PemStore({ caFile }, { logger: pino({ enabled: false }) });
    const wary = await startTestGateway({ engineAddress: harness.target }, { engineTls });
    const response = await wary.post({});
    expect(response.status).toBe(503);
    expect((await response.json()).error.code).toBe('engine_unavailable');
    expect(harness.engine.generations).toEqual([]);
    await wary.close();
    engineTls.close();
  });
});

describe('A certificate that changes', () => {
  const NUM_STREAMS = 25;
  const nextServer = authority.issue('localhost');
  const nextAuthority = new TestAuthority('The next authority');
  let completion: CompletionClient;

  afterEach(() => completion.close());

  /** Opens streams on both surfaces, each over HTTP on a connection of its own. */
  async function openStreams() {
    harness.engine.script = (generation) => generation.emit(accepted(), delta('first'));
    completion = new CompletionClient(harness.target, grpcCredentials(client));
    const grpc: Promise<CallResult<unknown>>[] = [];
    const http: Promise<string>[] = [];
    for (let i = 0; i < NUM_STREAMS; i++) {
      grpc.push(readAll(completion.generate(wireRequest())));
      http.push(textOf(await post(client)));
    }
    await vi.waitFor(() => expect(harness.engine.generations).toHaveLength(2 * NUM_STREAMS));
    return { grpc, http };
  }

  /** What a server shows to a new connection: the name of who signed it, and its number. */
  function shownBy(url: string, identity: Identity): Promise<string> {
    const { hostname, port } = new URL(url);
    return new Promise((resolve, reject) => {
      const socket = connect(
        { host: hostname, port: Number(port), rejectUnauthorized: false, ...identity },
        () => {
          const { serialNumber, issuer } = socket.getPeerCertificate();
          resolve(`${issuer.CN} ${serialNumber}`);
          socket.destroy();
        },
      );
      socket.on('error', reject);
    });
  }

  it(`is shown to new connections, and ${2 * NUM_STREAMS} live streams do not notice`, async () => {
    const { grpc, http } = await openStreams();
    const surfaces = [gateway.url, `https://${harness.target}`];
    const before = await Promise.all(surfaces.map((url) => shownBy(url, client)));
    folder.writeIdentity('server', nextServer);
    await vi.waitFor(async () => {
      for (const [index, url] of surfaces.entries())
        expect(await shownBy(url, client)).not.toBe(before[index]);
    });

    // The authority too: whoever comes with a certificate of the old one is now a stranger.
    const nextClient = nextAuthority.issue('a client');
    folder.write('ca.crt', nextAuthority.cert);
    folder.writeIdentity('gateway', nextClient);
    folder.writeIdentity('server', nextAuthority.issue('localhost'));
    await vi.waitFor(async () => {
      for (const url of surfaces) expect(await shownBy(url, nextClient)).toMatch(/^The next authority/);
      expect((await generate(grpcCredentials(client, nextAuthority.cert))).error?.code).toBe(
        status.UNAVAILABLE,
      );
      await expect(post(client, nextAuthority.cert)).rejects.toThrow();
    });

    for (const generation of harness.engine.generations) generation.emit(delta('last'), finished());
    for (const { messages, error } of await Promise.all(grpc)) {
      expect(error).toBeUndefined();
      expect(messages).toHaveLength(4);
    }
    for (const text of await Promise.all(http)) expect(text).toMatch(/"last"[\s\S]*data: \[DONE\]\n\n$/);

    answerAtOnce();
    expect((await generate(grpcCredentials(nextClient, nextAuthority.cert))).error).toBeUndefined();
    expect(await textOf(await post(nextClient, nextAuthority.cert))).toMatch(/data: \[DONE\]\n\n$/);
  });
});
