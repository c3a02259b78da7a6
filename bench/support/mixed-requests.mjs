import { createXorshift, promptIds } from './prompts.mjs';
import { firstTokenMs, gapP99, totalRate } from './run-metrics.mjs';
import { median } from './statistics.mjs';

const CLIENTS = 32;
const CONTEXT_LENGTH = 1024;

/** What clients who know nothing of each other ask for at the same time: prompts of 10 to 900 tokens, answers of 10 to 200. */
export function mixedRequests({ scaled, name }) {
  const random = createXorshift(0x9e3779b9);
  // Over the exponent, not the length: most prompts are short.
  const between = (low, high) => Math.round(low * (high / low) ** random());
  return Array.from({ length: CLIENTS }, (_, client) => {
    const [promptTokens, maxTokens] = [between(10, 900), between(10, 200)];
    return {
      prompt: promptIds(scaled(promptTokens), `${name} ${client}`),
      maxTokens: scaled(Math.min(maxTokens, CONTEXT_LENGTH - promptTokens), 3),
    };
  });
}

/** Sends all of them at once: tokens a second in all, and how smoothly they come. */
export async function measureMixed(system, requests) {
  const runs = await Promise.all(requests.map(({ prompt, maxTokens }) => system.generate(prompt, maxTokens)));
  return {
    throughput: totalRate(runs),
    gapP99: gapP99(runs),
    firstToken: median(runs.map(firstTokenMs)),
  };
}
