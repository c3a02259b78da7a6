import { once } from 'node:events';
import { Client, credentials } from '@grpc/grpc-js';
import { CompletionService, GenerateRequest } from '../../dist/contract/gen/linnet/v1/completion.js';
import { startChild } from '../support/child-process.mjs';
import { ratioRow, toRows } from '../support/rows.mjs';

const PROCESS = new URL('../support/message-process.mjs', import.meta.url);
const GOAL = { atLeast: 0.8 };

const SYSTEMS = ['service', 'generated', 'bytes'];

/**
 * What the service adds to gRPC itself: messages a second and CPU for each, beside bare grpc-js servers that stream the
 * same bytes, one with the generated code and one whose messages are encoded already.
 */
export const messages = {
  name: 'messages',
  async run({ scaled, interleave }) {
    const servers = await Promise.all(SYSTEMS.map(openServer));
    const rows = [];
    for (const count of [1, 16]) {
      const numTokens = Math.ceil(scaled(160_000, 100) / count);
      const samples = await interleave(servers.map((server) => () => measure(server, count, numTokens)));
      const labels = { workload: 'messages', streams: count };
      for (const [index, system] of SYSTEMS.entries())
        rows.push(...toRows({ ...labels, system }, samples[index]));
      for (const [index, system] of SYSTEMS.entries()) {
        if (system === 'service') continue;
        const compared = { service: samples[0], bare: samples[index], system };
        rows.push(
          ...compare(labels, compared).map((row) => ({
            ...row,
            ...(system === 'generated' && { goal: GOAL }),
          })),
        );
      }
    }
    for (const server of servers) await server.close();
    return rows;
  },
};

/** How much of a bare server's speed the service has, and of how much of the service's CPU a bare server has need. */
function compare(labels, { service, bare, system }) {
  const pick = (samples, metric) => samples.map((sample) => sample[metric]);
  const speed = { ...labels, system: 'service', variant: `service / ${system}, messages/s` };
  const cpu = { ...labels, system: 'service', variant: `${system} / service, CPU` };
  return [
    ratioRow(speed, pick(service, 'messages'), pick(bare, 'messages')),
    ratioRow(cpu, pick(bare, 'cpu'), pick(service, 'cpu')),
  ];
}

async function openServer(kind) {
  const child = await startChild(PROCESS);
  const client = new Client(await child.ask('listen', kind), credentials.createInsecure());
  return {
    child,
    client,
    async close() {
      client.close();
      await child.close();
    },
  };
}

/** Reads so many streams at once; messages stay bytes, so that the reader costs the same for both. */
async function measure({ child, client }, count, maxTokens) {
  const cpuBefore = await child.ask('cpuMicros');
  const startedAtMs = performance.now();
  const numbers = await Promise.all(Array.from({ length: count }, () => readStream(client, maxTokens)));
  const seconds = (performance.now() - startedAtMs) / 1000;
  const numMessages = numbers.reduce((sum, number) => sum + number, 0);
  if (numMessages !== count * (maxTokens + 2)) throw new Error(`${numMessages} messages came.`);
  const cpuMicros = (await child.ask('cpuMicros')) - cpuBefore;
  return { messages: numMessages / seconds, cpu: Math.max(cpuMicros, 1) / numMessages };
}

async function readStream(client, maxTokens) {
  const { path } = CompletionService.generate;
  const call = client.makeServerStreamRequest(
    path,
    (given) => given,
    (given) => given,
    Buffer.from(
      GenerateRequest.encode({
        input: { $case: 'prompt', value: 'bench' },
        ...{ model: '', maxTokens, stop: [], logitBias: {}, stopTokenIds: [], prompts: [] },
      }).finish(),
    ),
  );
  let number = 0;
  call.on('data', () => {
    number += 1;
  });
  await once(call, 'end');
  return number;
}
