import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { credentials } from '@grpc/grpc-js';
import { toEngineEnvironment } from '../../dist/cli/processes/engine-environment.js';
import { CompletionClient } from '../../dist/contract/gen/linnet/v1/completion.js';
import { startChild } from './child-process.mjs';

const ENGINE = new URL('./engine-process.mjs', import.meta.url);
const GATEWAY = new URL('./gateway-process.mjs', import.meta.url);

/**
 * Starts the whole service, in a process for the engine and one for the gateway, as two systems: `grpc` asks the first,
 * `gateway` the second over HTTP. Their `generate` is that of the engine (engine-system.mjs).
 */
export async function openService(options) {
  const engine = await startChild(ENGINE, toEngineEnvironment(process.env));
  const gateway = await startChild(GATEWAY);
  const target = await engine.ask('listen', options);
  const port = await gateway.ask('listen', target);
  const client = new CompletionClient(target, credentials.createInsecure());
  const agent = new Agent({ keepAlive: true, maxSockets: 256 });
  return {
    grpc: { generate: (prompt, maxTokens) => generateOverGrpc(client, prompt, maxTokens) },
    gateway: { generate: (prompt, maxTokens) => generateOverHttp({ port, agent }, prompt, maxTokens) },
    /** Memory in RAM, by process. */
    async residentBytes() {
      const [service, front] = await Promise.all([engine.ask('residentBytes'), gateway.ask('residentBytes')]);
      return { engine: service, gateway: front };
    },
    async close() {
      agent.destroy();
      client.close();
      await gateway.close();
      await engine.close();
    },
  };
}

async function generateOverGrpc(client, ids, maxTokens) {
  const startedAtMs = performance.now();
  const timesMs = [];
  const call = client.generate({
    model: '',
    input: { $case: 'promptTokenIds', value: { ids } },
    prompts: [],
    maxTokens,
    temperature: 0,
    stop: [],
    logitBias: {},
    stopTokenIds: [],
  });
  call.on('data', ({ event }) => {
    if (event?.$case !== 'delta') return;
    const now = performance.now();
    for (const _ of event.value.tokenIds) timesMs.push(now);
  });
  await once(call, 'end');
  return { startedAtMs, timesMs };
}

/**
 * A token that ends no character makes no event, so events are counted as tokens only up to the number that was asked
 * for: the tokens that are missing count as come with the last event.
 */
async function generateOverHttp({ port, agent }, prompt, maxTokens) {
  const startedAtMs = performance.now();
  const body = JSON.stringify({
    model: 'bench',
    prompt,
    max_tokens: maxTokens,
    temperature: 0,
    stream: true,
  });
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  const call = request({ port, agent, method: 'POST', path: '/v1/completions', headers });
  call.end(body);
  const [response] = await once(call, 'response');
  const timesMs = [];
  let text = '';
  response.setEncoding('utf8');
  response.on('data', (chunk) => {
    const now = performance.now();
    text += chunk;
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const event = text.slice(0, end);
      text = text.slice(end + 2);
      if (event.startsWith('data: {') && timesMs.length < maxTokens) timesMs.push(now);
    }
  });
  await once(response, 'end');
  if (response.statusCode !== 200) throw new Error(`The gateway answered ${response.statusCode}: ${text}`);
  while (timesMs.length < maxTokens) timesMs.push(timesMs.at(-1));
  return { startedAtMs, timesMs };
}
