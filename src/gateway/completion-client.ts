import { credentials } from '@grpc/grpc-js';
import { ERROR_CATALOGUE } from '../contract/error-catalogue.js';
import {
  type GenerateRequest,
  type GenerateResponse,
  CompletionClient as WireClient,
} from '../contract/gen/linnet/v1/completion.js';
import type { CallMetadata } from './call-metadata.js';
import { CompletionProgress } from './completion-progress.js';
import type { EngineChannels } from './engine-channels.js';
import { isBareDeadline, isConnectionLoss, toGatewayError } from './engine-failure.js';
import { GatewayError } from './gateway-error.js';
import { readGenerateCall } from './generate-call.js';

/** An event of one completion: one accepted, any number of deltas, one finished. */
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

/**
 * Makes a client over the engine's channels.
 *
 * @param cancelGraceMs how long the engine has to end a cancelled stream before the call is reset.
 */
export function createCompletionClient(channels: EngineChannels, cancelGraceMs: number): CompletionClient {
  async function* attempt(request: GenerateRequest, options: GenerateOptions) {
    const client = new WireClient(channels.address, credentials.createInsecure(), {
      channelOverride: channels.next(),
    });
    let last: CompletionEvent | undefined;
    for await (const event of readGenerateCall(client, request, { ...options, cancelGraceMs })) {
      last = event;
      yield event;
    }
    if (last?.$case !== 'finished') {
      throw new GatewayError(ERROR_CATALOGUE.INTERNAL, 'The engine ended the stream before it was finished.');
    }
  }

  const toFailure = (caught: unknown, progress: CompletionProgress) =>
    isBareDeadline(caught) ? progress.toDeadlineError() : toGatewayError(caught, channels.address);

  async function* generate(request: GenerateRequest, options: GenerateOptions) {
    const progress = new CompletionProgress();
    let canRetry = true;
    for (;;) {
      try {
        for await (const event of attempt(request, options)) {
          canRetry &&= event.$case === 'accepted';
          progress.note(event);
          yield event;
        }
        return;
      } catch (caught) {
        options.signal.throwIfAborted();
        if (!canRetry || !isConnectionLoss(caught)) throw toFailure(caught, progress);
        canRetry = false;
      }
    }
  }

  return { generate };
}
