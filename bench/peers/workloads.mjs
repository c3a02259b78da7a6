// What all systems are asked to do. A sample is an object of metrics; see support/rows.mjs for their units.
import { measureMixed, mixedRequests } from '../support/mixed-requests.mjs';
import { promptIds } from '../support/prompts.mjs';
import { decodeRate, firstTokenMs, totalRate } from '../support/run-metrics.mjs';

/** How long a system that takes one request at a time works on those of many clients. */
const ONE_BY_ONE_MS = 20_000;

/** The workloads by name, in the order of measuring: how many streams, at most how many rounds, and the measure. */
export const PEER_WORKLOADS = {
  decode: { streams: 1, maxRounds: 5, measure: decode },
  prefill: { streams: 1, maxRounds: 3, measure: prefill },
  streams: { streams: 16, maxRounds: 3, measure: streams },
  mixed: { streams: 32, maxRounds: 1, measure: mixed },
};

/** One stream of 128 tokens after 64: tokens a second from the first one on. */
async function decode(system, { scaled }) {
  return { throughput: decodeRate(await system.generate(promptIds(scaled(64), 'decode'), scaled(128, 8))) };
}

/** 900 tokens up to the first new one. */
async function prefill(system, { scaled, round }) {
  const prompt = promptIds(scaled(900), `prefill ${round}`);
  const run = await system.generate(prompt, 1);
  return { throughput: (prompt.length * 1000) / firstTokenMs(run), firstToken: firstTokenMs(run) };
}

/** 16 streams of 64 tokens after 32, begun together: tokens a second of all, prompts' time included. */
async function streams(system, { scaled, round }) {
  const prompts = Array.from({ length: 16 }, (_, index) =>
    promptIds(scaled(32), `streams ${round} ${index}`),
  );
  const maxTokens = scaled(64, 8);
  const runs = system.generateBatch
    ? await system.generateBatch(prompts, maxTokens)
    : await Promise.all(prompts.map((prompt) => system.generate(prompt, maxTokens)));
  return { throughput: totalRate(runs) };
}

/** 32 clients at once. Where requests are taken one at a time, as many of theirs as fit into the time. */
async function mixed(system, { scaled, round }) {
  const requests = mixedRequests({ scaled, name: `mixed ${round}` });
  if (system.isConcurrent) return measureMixed(system, requests);
  const startedAt = performance.now();
  const runs = [];
  for (const { prompt, maxTokens } of requests) {
    if (performance.now() - startedAt > ONE_BY_ONE_MS) break;
    runs.push(await system.generate(prompt, maxTokens));
  }
  return { throughput: totalRate(runs) };
}
