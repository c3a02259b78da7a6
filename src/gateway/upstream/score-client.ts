import { randomUUID } from 'node:crypto';
import { credentials } from '@grpc/grpc-js';
import {
  type ScoreRequest,
  type ScoreResponse,
  CompletionClient as WireClient,
} from '../../contract/gen/linnet/v1/completion.js';
import { cancelCall } from './cancel-call.js';
import type { EngineLink } from './engine-link.js';
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

/**
 * Makes a client of the engines.
 *
 * @param cancelGraceMs how long the engine has to end a call that its caller has left before the call is reset.
 */
export function createScoreClient(engines: EnginePool, cancelGraceMs: number): ScoreClient {
  const openClient = ({ address, channels }: EngineLink) =>
    new WireClient(address, credentials.createInsecure(), { channelOverride: channels.next() });
  return {
    score(request, options) {
      const cancelKey = randomUUID();
      const { apiKey } = options;
      return callUnary<ScoreResponse>(
        engines,
        (engine, metadata, callOptions, done) =>
          openClient(engine).score({ ...request, cancelKey }, metadata, callOptions, done),
        {
          ...options,
          cancel: (call, engine) =>
            cancelCall(call, { client: openClient(engine), cancelKey, cancelGraceMs, apiKey }),
        },
      );
    },
  };
}
