import { credentials } from '@grpc/grpc-js';
import { ERROR_CATALOGUE } from '../../contract/error-catalogue.js';
import {
  type GenerateRequest,
  type GenerateResponse,
  CompletionClient as WireClient,
} from '../../contract/gen/linnet/v1/completion.js';
import { GatewayError } from '../errors/gateway-error.js';
import type { GatewayMetrics } from '../gateway-metrics.js';
import type { CallMetadata } from './call-metadata.js';
import { CompletionProgress } from './completion-progress.js';
import { isBareDeadline, toFullQueueError, toGatewayError } from './engine-failure.js';
import type { EngineLink } from './engine-link.js';
import type { EnginePool } from './engine-pool.js';
import { readGenerateCall } from './generate-call.js';
import { toPromptPrefix } from './prompt-prefix.js';

/** An event of one completion: one accepted, any number of deltas, one finished for each choice. */
export type CompletionEvent = NonNullable<GenerateResponse['event']>;

/** How one completion is asked for. */
export interface GenerateOptions extends CallMetadata {
  /** Ends the generation. Its reason is what the stream then throws. */
  readonly signal: AbortSignal;
  /** How long the whole completion may take. Milliseconds; undefined for as long as it needs. */
  readonly timeoutMs?: number | undefined;
}

/** Completes text on an engine. */
export interface CompletionClient {
  /**
   * Streams one completion. Reading starts it; leaving the loop, or aborting the signal, ends it on the engine. Where a
   * connection breaks, or the engine refuses, before there is text, it is asked for once more, of another engine if one
   * is well; `accepted` may then come a second time.
   *
   * @throws GatewayError in place of an event.
   */
  generate(request: GenerateRequest, options: GenerateOptions): AsyncIterable<CompletionEvent>;
}

/** What a client is made with. */
export interface CompletionClientOptions {
  /** How long the engine has to end a cancelled stream before the call is reset. */
  readonly cancelGraceMs: number;
  /** Where completions are counted. Default: nowhere. */
  readonly metrics?: GatewayMetrics;
}

/** Makes a client of the engines. */
export function createCompletionClient(
  engines: EnginePool,
  { cancelGraceMs, metrics }: CompletionClientOptions,
): CompletionClient {
  async function* attempt(engine: EngineLink, request: GenerateRequest, options: GenerateOptions) {
    refuseIfJustRefused(engine, request, options);
    const client = new WireClient(engine.address, credentials.createInsecure(), {
      channelOverride: engine.channels.next(),
    });
    let numUnfinished = numChoices(request);
    const end = engine.begin(numUnfinished);
    try {
      for await (const event of readGenerateCall(client, request, { ...options, cancelGraceMs })) {
        if (event.$case === 'finished') numUnfinished -= 1;
        yield event;
      }
    } catch (caught) {
      noteIfFull(caught, engine, toCaller(request, options));
      throw caught;
    } finally {
      end();
    }
    if (numUnfinished !== 0) {
      throw new GatewayError(ERROR_CATALOGUE.INTERNAL, 'The engine ended the stream before it was finished.');
    }
  }

  /** Says which engine to ask again after one failed; throws what there is to tell where none is. */
  const engineAfter = (caught: unknown, { engine, progress, signal, canRetry }: FailedAttempt) => {
    signal.throwIfAborted();
    const next = canRetry ? engines.pickAgain(engine, caught) : undefined;
    if (next !== undefined) return next;
    throw isBareDeadline(caught) ? progress.toDeadlineError() : toGatewayError(caught, engine.address);
  };

  async function* generate(request: GenerateRequest, options: GenerateOptions) {
    const progress = new CompletionProgress();
    const startedAtMs = performance.now();
    let errorCode: string | undefined = LEFT;
    try {
      await engines.resolved;
      let engine = engines.pick(toPromptPrefix(request));
      for (let canRetry = true; ; canRetry = false) {
        try {
          for await (const event of attempt(engine, request, options)) {
            canRetry &&= event.$case === 'accepted';
            progress.note(event);
            yield event;
          }
          errorCode = undefined;
          return;
        } catch (caught) {
          engine = engineAfter(caught, { engine, progress, signal: options.signal, canRetry });
        }
      }
    } catch (caught) {
      errorCode = GatewayError.from(caught).kind.openaiCode;
      throw caught;
    } finally {
      metrics?.observeCompletion({ ...progress, durationMs: performance.now() - startedAtMs, errorCode });
    }
  }

  return { generate };
}

/** An attempt that failed, and whether there may be another. */
interface FailedAttempt {
  readonly engine: EngineLink;
  readonly progress: CompletionProgress;
  readonly signal: AbortSignal;
  readonly canRetry: boolean;
}

/** Whose requests a model's queue treats alike. */
function toCaller({ model }: GenerateRequest, { apiKey = '' }: GenerateOptions): string {
  return `${model} ${apiKey}`;
}

function refuseIfJustRefused(engine: EngineLink, request: GenerateRequest, options: GenerateOptions): void {
  const refusal = engine.fullQueue.recall(toCaller(request, options), performance.now());
  if (refusal !== undefined) throw refusal;
}

function noteIfFull(caught: unknown, engine: EngineLink, caller: string): void {
  const error = toFullQueueError(caught);
  if (error !== undefined) engine.fullQueue.remember(caller, error, performance.now());
}

/** The code of a completion whose reader left. */
const LEFT = ERROR_CATALOGUE.CANCELLED.openaiCode;

/** How many choices a request asks for, of all its prompts together. */
export function numChoices({ prompts, n = 1 }: GenerateRequest): number {
  return Math.max(1, prompts.length) * n;
}
