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
import type { EngineChannels } from './engine-channels.js';
import { isBareDeadline, isConnectionLoss, toGatewayError } from './engine-failure.js';
import { readGenerateCall } from './generate-call.js';

/** An event of one completion: one accepted, any number of deltas, one finished for each choice. */
export type CompletionEvent = NonNullable<GenerateResponse['event']>;

/** How one completion is asked for. */
export interface GenerateOptions extends CallMetadata {
  /** Ends the generation. Its reason is what the stream then throws. */
  readonly signal: AbortSignal;
  /** How long the whole completion may take. Milliseconds; undefined for as long as it needs. */
  readonly timeoutMs?: number | undefined;
}

/** Completes text on the engine. */
export interface CompletionClient {
  /**
   * Streams one completion. Reading starts it; leaving the loop, or aborting the signal, ends it on the engine. A
   * connection that breaks before there is text is replaced once; `accepted` may then come a second time.
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

/** Makes a client over the engine's channels. */
export function createCompletionClient(
  channels: EngineChannels,
  { cancelGraceMs, metrics }: CompletionClientOptions,
): CompletionClient {
  async function* attempt(request: GenerateRequest, options: GenerateOptions) {
    const client = new WireClient(channels.address, credentials.createInsecure(), {
      channelOverride: channels.next(),
    });
    let numUnfinished = numChoices(request);
    for await (const event of readGenerateCall(client, request, { ...options, cancelGraceMs })) {
      if (event.$case === 'finished') numUnfinished -= 1;
      yield event;
    }
    if (numUnfinished !== 0) {
      throw new GatewayError(ERROR_CATALOGUE.INTERNAL, 'The engine ended the stream before it was finished.');
    }
  }

  const toFailure = (caught: unknown, progress: CompletionProgress) =>
    isBareDeadline(caught) ? progress.toDeadlineError() : toGatewayError(caught, channels.address);

  async function* generate(request: GenerateRequest, options: GenerateOptions) {
    const progress = new CompletionProgress();
    const startedAtMs = performance.now();
    let errorCode: string | undefined = LEFT;
    let canRetry = true;
    try {
      for (;;) {
        try {
          for await (const event of attempt(request, options)) {
            canRetry &&= event.$case === 'accepted';
            progress.note(event);
            yield event;
          }
          errorCode = undefined;
          return;
        } catch (caught) {
          options.signal.throwIfAborted();
          const failure = toFailure(caught, progress);
          errorCode = failure.kind.openaiCode;
          if (!canRetry || !isConnectionLoss(caught)) throw failure;
          canRetry = false;
          metrics?.countRetry();
        }
      }
    } finally {
      metrics?.observeCompletion({ ...progress, durationMs: performance.now() - startedAtMs, errorCode });
    }
  }

  return { generate };
}

/** The code of a completion whose reader left. */
const LEFT = ERROR_CATALOGUE.CANCELLED.openaiCode;

/** How many choices a request asks for, of all its prompts together. */
export function numChoices({ prompts, n = 1 }: GenerateRequest): number {
  return Math.max(1, prompts.length) * n;
}
