import { randomUUID } from 'node:crypto';
import { credentials } from '@grpc/grpc-js';
import {
  type ScoreRequest,
  type ScoreResponse,
  CompletionClient as WireClient,
} from '../../contract/gen/linnet/v1/completion.js';
import { cancelCall } from './cancel-call.js';
import type { EngineChannels } from './engine-channels.js';
import { callUnary, type UnaryCallOptions } from './unary-call.js';

/** Scores text on the engine. */
export interface ScoreClient {
  /**
   * Tells how probable texts are.
   *
   * @throws GatewayError, or the signal's reason.
   */
  score(request: ScoreRequest, options: UnaryCallOptions): Promise<ScoreResponse>;
}

/**
 * Makes a client over the engine's channels.
 *
 * @param cancelGraceMs how long the engine has to end a call that its caller has left before the call is reset.
 */
export function createScoreClient(channels: EngineChannels, cancelGraceMs: number): ScoreClient {
  const openClient = () =>
    new WireClient(channels.address, credentials.createInsecure(), { channelOverride: channels.next() });
  return {
    score(request, options) {
      const cancelKey = randomUUID();
      const { apiKey } = options;
      return callUnary<ScoreResponse>(
        channels,
        (metadata, callOptions, done) =>
          openClient().score({ ...request, cancelKey }, metadata, callOptions, done),
        {
          ...options,
          cancel: (call) => cancelCall(call, { client: openClient(), cancelKey, cancelGraceMs, apiKey }),
        },
      );
    },
  };
}
