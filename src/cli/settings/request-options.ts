import { type Command, Option } from 'commander';
import type { GenerateRequest } from '../../contract/gen/linnet/v1/completion.js';
import { parseCountArgument, parseNumberArgument, parseSeedArgument } from './number-argument.js';

/** What of a request has an option of its own. The contract says what each means, and checks it. */
export interface RequestOptions {
  readonly maxTokens?: number;
  readonly temperature?: number;
  readonly topP?: number;
  readonly topK?: number;
  readonly minP?: number;
  readonly frequencyPenalty?: number;
  readonly presencePenalty?: number;
  readonly repetitionPenalty?: number;
  readonly seed?: bigint;
  readonly stop?: readonly string[];
}

/** Adds the options of a request to a command. */
export function addRequestOptions(command: Command): void {
  command
    .addOption(count('--max-tokens', 'the most tokens to generate (default 16)'))
    .addOption(number('--temperature', '0 is greedy, at most 2 (default 1)'))
    .addOption(number('--top-p', 'keep the most probable tokens of this sum (default 1)'))
    .addOption(count('--top-k', 'keep this many most probable tokens (default 0, all)'))
    .addOption(number('--min-p', 'keep tokens of this part of the greatest probability (default 0, all)'))
    .addOption(number('--frequency-penalty', 'against tokens, each time they come, at most 2 (default 0)'))
    .addOption(number('--presence-penalty', 'against tokens that have come, at most 2 (default 0)'))
    .addOption(number('--repetition-penalty', 'against tokens of prompt and text, at most 2 (default 1)'))
    .addOption(option('--seed <number>', 'make it repeatable (default: drawn)', parseSeedArgument))
    .option('--stop <text...>', 'end before any of these, at most 4');
}

/** Makes a request of a prompt and options. */
export function toRequest(model: string, prompt: string, options: RequestOptions): GenerateRequest {
  const { maxTokens, temperature, topP, topK, minP, seed, stop = [] } = options;
  const { frequencyPenalty, presencePenalty, repetitionPenalty } = options;
  return {
    model,
    input: { $case: 'prompt', value: prompt },
    stop: [...stop],
    maxTokens,
    temperature,
    topP,
    topK,
    minP,
    frequencyPenalty,
    presencePenalty,
    repetitionPenalty,
    seed,
    logitBias: {},
    stopTokenIds: [],
    prompts: [],
  };
}

function count(flag: string, description: string): Option {
  return option(`${flag} <count>`, description, parseCountArgument);
}

function number(flag: string, description: string): Option {
  return option(`${flag} <number>`, description, parseNumberArgument);
}

function option<T>(flags: string, description: string, parse: (text: string) => T): Option {
  return new Option(flags, description).argParser(parse);
}
