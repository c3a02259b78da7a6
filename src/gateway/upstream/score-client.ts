import { credentials } from '@grpc/grpc-js';
import {
  type ScoreRequest,
  type ScoreResponse,
  CompletionClient as WireClient,
} from '../../contract/gen/linnet/v1/completion.js';
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
 * @param channels of its own: a call that its caller leaves is reset, and a server closes a connection on which too
 *   many are, with all that it carries.
 */
export function createScoreClient(channels: EngineChannels): ScoreClient {
  return {
    score: (request, options) =>
      callUnary<ScoreResponse>(
        channels,
        (metadata, callOptions, done) => {
          const client = new WireClient(channels.address, credentials.createInsecure(), {
            channelOverride: channels.next(),
          });
          return client.score(request, metadata, callOptions, done);
        },
        options,
      ),
  };
}
