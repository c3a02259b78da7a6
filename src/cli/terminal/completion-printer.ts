import { once } from 'node:events';
import type { Finished } from '../../contract/gen/linnet/v1/completion.js';
import type { CompletionEvent } from '../../gateway/upstream/completion-client.js';
import { COLOR_LEGEND, createProbabilityPainter, type DeltaPainter } from './probability-colors.js';

/** Where a completion is printed: the streams of a process, or others in their place. */
export type PrinterStreams = Readonly<
  Record<'stdout' | 'stderr', NodeJS.WritableStream & { isTTY?: boolean }>
>;

/** How a completion is printed. */
export interface PrintOptions {
  /** Ends the generation; aborted where the reader goes away. */
  readonly controller: AbortController;
  /** Whether the text has the colours of its tokens' probabilities, which the events must then have. */
  readonly isColored: boolean;
}

/**
 * Writes a completion to standard output as it comes, and nothing else there; on a terminal, a note on its speed
 * follows on standard error, and an explanation of the colours where there are some. A reader that goes away (`| head`) ends the generation without an error.
 *
 * @throws what the events throw.
 */
export async function printCompletion(
  events: AsyncIterable<CompletionEvent>,
  { stdout, stderr }: PrinterStreams,
  { controller, isColored }: PrintOptions,
): Promise<void> {
  const paint: DeltaPainter = isColored ? createProbabilityPainter() : ({ text }) => text;
  let readerIsGone = false;
  stdout.once('error', () => {
    readerIsGone = true;
    controller.abort();
  });
  let seed: bigint | undefined;
  let endsLine = false;
  try {
    for await (const event of events) {
      switch (event.$case) {
        case 'accepted':
          seed = event.value.seed;
          break;
        case 'delta':
          endsLine = event.value.text.endsWith('\n');
          await write(paint(event.value), stdout, controller.signal);
          break;
        case 'finished':
          if (stdout.isTTY && !endsLine) stdout.write('\n');
          if (stderr.isTTY) stderr.write(`\n${renderNotes(event.value, seed, isColored)}\n`);
      }
    }
  } catch (error) {
    if (!readerIsGone) throw error;
  }
}

async function write(text: string, stream: NodeJS.WritableStream, signal: AbortSignal): Promise<void> {
  if (!stream.write(text)) await once(stream, 'drain', { signal });
}

function renderNotes(finished: Finished, seed: bigint | undefined, isColored: boolean): string {
  return [summarize(finished, seed), ...(isColored ? [COLOR_LEGEND] : [])].join('\n');
}

/** Describes a finished completion in one line: how many tokens, how fast, and the seed that repeats it. */
function summarize({ usage, timings }: Finished, seed: bigint | undefined): string {
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
