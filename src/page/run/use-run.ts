import { useEffect, useReducer, useRef } from 'preact/hooks';
import type { CompletionRequest } from '../api/completion-request.js';
import { ServiceFailure } from '../api/service-failure.js';
import { streamCompletion } from '../api/stream-completion.js';
import { EventBatch } from './event-batch.js';
import { IDLE_RUN, type Run, type RunEvent, reduceRun } from './run.js';
import type { TokenBlocks } from './token-blocks.js';
import { TokenReader } from './token-reader.js';

/** What a run begins with. */
export interface RunStart {
  readonly request: CompletionRequest;
  /** What the text before the tokens is; the request's prompt may have the kept tokens too. */
  readonly prompt: string;
  /** Tokens that are kept, and after which it goes on. */
  readonly kept: TokenBlocks;
  /** The API key; empty for none. */
  readonly key: string;
}

/** A run, and what can be done with it. */
export interface RunControl {
  readonly run: Run;
  /** Begins; ends what ran before. */
  start(start: RunStart): void;
  /** Begins as the last time, with this key, and for at most so many tokens where that is said. */
  again(changed: { readonly key: string; readonly maxTokens?: number }): void;
  /** Ends what runs. */
  stop(): void;
  /** Puts an end to the text after the kept tokens. */
  finish(prompt: string, kept: TokenBlocks): void;
}

/** Gives a component a run of its own, which ends with it. */
export function useRun(): RunControl {
  const [run, dispatchAll] = useReducer<Run, readonly RunEvent[]>(reduceAll, IDLE_RUN);
  const running = useRef<AbortController | null>(null);
  const last = useRef<RunStart | null>(null);
  useEffect(() => () => running.current?.abort(), []);

  const start = (begin: RunStart) => {
    const { request, prompt, kept, key } = begin;
    last.current = begin;
    running.current?.abort();
    const controller = new AbortController();
    running.current = controller;
    const batch = new EventBatch<RunEvent>(dispatchAll, controller.signal);
    dispatchAll([{ type: 'begin', prompt, kept, at: performance.now() }]);
    void follow(batch, request, { key, signal: controller.signal });
  };

  return {
    run,
    start,
    again({ key, maxTokens }) {
      if (last.current === null) return;
      const { request } = last.current;
      start({ ...last.current, key, request: maxTokens ? { ...request, max_tokens: maxTokens } : request });
    },
    stop() {
      running.current?.abort();
      dispatchAll([{ type: 'stop' }]);
    },
    finish(prompt, kept) {
      running.current?.abort();
      const begin: RunEvent = { type: 'begin', prompt, kept, at: performance.now() };
      dispatchAll([begin, { type: 'finish', reason: 'stop' }]);
    },
  };
}

function reduceAll(run: Run, events: readonly RunEvent[]): Run {
  return events.reduce(reduceRun, run);
}

async function follow(
  batch: EventBatch<RunEvent>,
  request: CompletionRequest,
  access: { readonly key: string; readonly signal: AbortSignal },
): Promise<void> {
  const reader = new TokenReader();
  try {
    for await (const { choices, usage } of streamCompletion(request, access)) {
      const [choice] = choices;
      if (choice?.logprobs) {
        batch.add({ type: 'tokens', tokens: reader.read(choice.logprobs), at: performance.now() });
      }
      if (choice?.finish_reason) batch.add({ type: 'finish', reason: choice.finish_reason });
      if (usage) {
        const cachedTokens = usage.prompt_tokens_details.cached_tokens;
        batch.add({ type: 'usage', usage: { promptTokens: usage.prompt_tokens, cachedTokens } });
      }
    }
  } catch (caught) {
    // Whoever stopped it has said so already.
    if (access.signal.aborted) return;
    batch.add({ type: 'fail', failure: ServiceFailure.from(caught, 'broken') });
  }
}
