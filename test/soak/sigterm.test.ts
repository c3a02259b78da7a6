import { setTimeout as sleep } from 'node:timers/promises';
import { credentials } from '@grpc/grpc-js';
import { describe, expect, it, onTestFinished } from 'vitest';
import { CompletionClient } from '../../src/contract/gen/linnet/v1/completion.js';
import { decodeRichStatus } from '../../src/contract/rich-status.js';
import { readAll, wireRequest } from '../support/grpc-harness.js';
import { serve } from '../support/linnet-process.js';
import { readEvents } from '../support/sse.js';

const RUNS = Number(process.env['LINNET_SOAK_RUNS'] ?? 2);
const HTTP_CLIENTS = 12;
const GRPC_CLIENTS = 6;

/** How a stream that was accepted came to its end. */
type End = 'whole' | 'told' | 'lost';
const REFUSED = 'refused';

/** Asks for one stream over HTTP, and reads it to its end. */
async function streamOverHttp(url: string, maxTokens: number): Promise<End | typeof REFUSED> {
  const body = JSON.stringify({
    prompt: 'Once upon a time',
    max_tokens: maxTokens,
    ignore_eos: true,
    stream: true,
  });
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${url}/v1/completions`, { method: 'POST', headers, body }).catch(
    () => undefined,
  );
  if (response?.status !== 200) return REFUSED;
  let last = '';
  try {
    for await (const event of readEvents(response)) last = event;
  } catch {
    return 'lost';
  }
  if (last === '[DONE]') return 'whole';
  return last.startsWith('{"error"') ? 'told' : 'lost';
}

/** Asks for one stream over gRPC, and reads it to its end. */
async function streamOverGrpc(client: CompletionClient, maxTokens: number): Promise<End | typeof REFUSED> {
  const { messages, error } = await readAll(client.generate(wireRequest({ maxTokens, ignoreEos: true })));
  if (messages.length === 0) return REFUSED;
  if (error === undefined) return 'whole';
  return decodeRichStatus(error)?.reason === 'ENGINE_UNAVAILABLE' ? 'told' : 'lost';
}

/** Serves under load, sends SIGTERM in the middle of it, and tells how every accepted stream ended. */
async function endUnderLoad(grace: string, maxTokens: number) {
  const { linnet, addresses } = await serve(['--preload', '--drain-grace', grace, '--log-level', 'warn']);
  onTestFinished(async () => {
    linnet.kill('SIGKILL');
    await linnet.end();
  });
  const grpc = new CompletionClient(addresses.grpc, credentials.createInsecure());
  const ends: (End | typeof REFUSED)[] = [];
  const repeat = async (ask: () => Promise<End | typeof REFUSED>) => {
    do ends.push(await ask());
    while (ends.at(-1) === 'whole');
  };
  const clients = [
    ...Array.from({ length: HTTP_CLIENTS }, () => repeat(() => streamOverHttp(addresses.http, maxTokens))),
    ...Array.from({ length: GRPC_CLIENTS }, () => repeat(() => streamOverGrpc(grpc, maxTokens))),
  ];
  await sleep(1500 + Math.random() * 1000); // In the middle of the load is where it is.
  linnet.kill('SIGTERM');
  const code = await linnet.end();
  await Promise.all(clients);
  grpc.close();
  const count = (end: string) => ends.filter((one) => one === end).length;
  return { code, whole: count('whole'), told: count('told'), lost: count('lost'), stderr: linnet.stderr };
}

describe(`SIGTERM under load, ${RUNS} times`, () => {
  it(
    'loses no accepted stream within the grace',
    async () => {
      for (let run = 0; run < RUNS; run++) {
        const { code, whole, told, lost, stderr } = await endUnderLoad('60s', 40);
        expect({ code, told, lost, stderr }).toEqual({ code: 0, told: 0, lost: 0, stderr: '' });
        expect(whole).toBeGreaterThan(HTTP_CLIENTS);
      }
    },
    RUNS * 60_000,
  );

  it(
    'tells each stream that runs at the end of the grace why it ends',
    async () => {
      for (let run = 0; run < RUNS; run++) {
        const { code, told, lost } = await endUnderLoad('300ms', 480);
        expect({ code, lost }).toEqual({ code: 0, lost: 0 });
        expect(told).toBeGreaterThan(0);
      }
    },
    RUNS * 60_000,
  );
});
