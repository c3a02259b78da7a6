import { credentials } from '@grpc/grpc-js';
import {
  type ScoreRequest,
  type ScoreResponse,
  CompletionClient as WireClient,
} from '../../contract/gen/linnet/v1/completion.js';
import type { EnginePool } from './engine-pool.js';
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

/** Makes a client of the engines. */
export function createScoreClient(engines: EnginePool): ScoreClient {
  return {
    score: (request, options) =>
      callUnary<ScoreResponse>(
        engines,
        ({ address, resettable }, metadata, callOptions, done) => {
          const client = new WireClient(address, credentials.createInsecure(), {
            channelOverride: resettable.next(),
          });
          return client.score(request, metadata, callOptions, done);
        },
        options,
      ),
  };
}
