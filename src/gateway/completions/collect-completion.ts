import type { Response } from 'express';
import type { Accepted, Finished } from '../../contract/gen/linnet/v1/completion.js';
import { GatewayError } from '../errors/gateway-error.js';
import { numChoices } from '../upstream/completion-client.js';
import { ChoiceCollector, type ChoiceOptions } from './choice-collector.js';
import type { CompletionRequest } from './completion-request.js';
import { toHead, toUsage } from './completion-response.js';
import type { Completion, CompletionChoice } from './completion-schemas.js';
import { addCompletionToLog, type CompletionSource, toServerTiming } from './completion-source.js';

/**
 * Answers with the whole completion, its choices in the order of their indices.
 *
 * @throws GatewayError; at a deadline with the texts that there were.
 */
export async function collectCompletion(
  response: Response,
  { id, request, events }: CompletionSource,
): Promise<void> {
  let accepted: Accepted | undefined;
  const collectors = new Map<number, ChoiceCollector>();
  const endings: Finished[] = [];
  try {
    for await (const { $case, value } of events) {
      if ($case === 'accepted') accepted = value;
      if ($case === 'delta') collectorOf(collectors, value.index).add(value);
      if ($case === 'finished') endings.push(value);
    }
  } catch (caught) {
    const texts = Array.from(
      { length: numChoices(request.generate) },
      (_, index) => collectors.get(index)?.text ?? '',
    );
    throw GatewayError.from(caught).withPartialTexts(texts);
  }
  if (accepted === undefined) throw new Error('The completion ended without being accepted.');
  const { prompts } = accepted;
  const head = toHead(id, accepted);
  addCompletionToLog(response, head, endings);
  const timings = endings[0]?.timings;
  if (timings !== undefined) response.set('server-timing', toServerTiming(timings));
  const choices = endings.map((finished): CompletionChoice => {
    const options = toChoiceOptions(request, prompts, finished.index);
    return collectorOf(collectors, finished.index).finish(finished, options);
  });
  choices.sort((a, b) => a.index - b.index);
  const completion: Completion = { ...head, choices, usage: toUsage(endings.at(-1)?.usage) };
  response.json(completion);
}

function collectorOf(collectors: Map<number, ChoiceCollector>, index: number): ChoiceCollector {
  const known = collectors.get(index);
  if (known) return known;
  const made = new ChoiceCollector();
  collectors.set(index, made);
  return made;
}

function toChoiceOptions(
  { generate, includeTimings }: CompletionRequest,
  prompts: Accepted['prompts'],
  index: number,
): ChoiceOptions {
  const { n = 1, logprobs, returnPromptTokenIds } = generate;
  return {
    includeLogprobs: logprobs !== undefined,
    includeTimings,
    promptTokenIds: returnPromptTokenIds ? (prompts[Math.floor(index / n)]?.ids ?? []) : undefined,
  };
}
