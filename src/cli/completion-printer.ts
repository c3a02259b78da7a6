import { once } from 'node:events';
import type { Finished } from '../contract/gen/linnet/v1/completion.js';
import type { CompletionEvent } from '../gateway/completion-client.js';

/**
 * Writes a completion to standard output as it comes, and nothing else there; on a terminal, a note on its speed
 * follows on standard error. A reader that goes away (`| head`) ends the generation without an error.
 *
 * @param controller - ends the generation; aborted where the reader goes away.
 * @throws what the events throw.
 */
export async function printCompletion(
  events: AsyncIterable<CompletionEvent>,
  { stdout, stderr }: Pick<NodeJS.Process, 'stdout' | 'stderr'>,
  controller: AbortController,
): Promise<void> {
  let readerIsGone = false;
  stdout.once('error', () => {
    readerIsGone = true;
    controller.abort();
  });
  let last = '';
  let seed: bigint | undefined;
  try {
    for await (const { $case, value } of events) {
      if ($case === 'accepted') seed = value.seed;
      if ($case === 'delta' && value.text !== '') {
        last = value.text;
        if (!stdout.write(value.text)) await once(stdout, 'drain', { signal: controller.signal });
      }
      if ($case === 'finished') {
        if (stdout.isTTY && !last.endsWith('\n')) stdout.write('\n');
        if (stderr.isTTY) stderr.write(`\n${summarize(value, seed)}\n`);
      }
    }
  } catch (error) {
    if (!readerIsGone) throw error;
  }
}

/** Describes a finished completion in one line: how many tokens, how fast, and the seed that repeats it. */
export function summarize({ usage, timings }: Finished, seed: bigint | undefined): string {
  const tokens = usage?.completionTokens ?? 0;
  const facts = [`${tokens} ${tokens === 1 ? 'token' : 'tokens'}`];
  if (timings !== undefined) {
    if (tokens > 1 && timings.decodeMs > 0) {
      facts.push(`${(((tokens - 1) / timings.decodeMs) * 1000).toFixed(1)} tokens/s`);
    }
    facts.push(`first after ${Math.round(timings.queueMs + timings.prefillMs)} ms`);
  }
  if (seed !== undefined) facts.push(`seed ${seed}`);
  return facts.join(' · ');
}
