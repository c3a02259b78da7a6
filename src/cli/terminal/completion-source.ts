import { randomUUID } from 'node:crypto';
import type { GenerateRequest } from '../../contract/gen/linnet/v1/completion.js';
import type { Engine } from '../../engine/index.js';
import { type CompletionEvent, createCompletionClient } from '../../gateway/upstream/completion-client.js';
import { EnginePool } from '../../gateway/upstream/engine-pool.js';
import { parseGenerateRequest } from '../../grpc/messages/generate-request.js';
import { toGenerateResponse } from '../../grpc/messages/generate-response.js';
import type { RemoteService } from '../processes/remote-service.js';

/** Completes text, here or elsewhere, in the contract's terms. */
export interface CompletionSource {
  /**
   * Streams one completion. Reading starts it; aborting the signal, or leaving the loop, ends it.
   *
   * @throws EngineError (here) or GatewayError (elsewhere) in place of an event.
   */
  generate(request: GenerateRequest, signal: AbortSignal): AsyncIterable<CompletionEvent>;
  /** Lets go of what it holds. */
  close(): Promise<void>;
}

/** Completes on an engine in this process, which it closes with itself. */
export function createLocalSource(engine: Engine): CompletionSource {
  return {
    async *generate(wire, signal) {
      const { request, returnPromptTokenIds } = parseGenerateRequest(wire);
      const details = { requestId: randomUUID(), seed: request.sampling.seed, returnPromptTokenIds };
      for await (const event of engine.generate(request, signal)) {
        const response = toGenerateResponse(event, details);
        if (response.event !== undefined) yield response.event;
      }
    },
    close: () => engine.close(),
  };
}

/** Completes on a service that runs. */
export function createRemoteSource({ address, tls, apiKey }: RemoteService): CompletionSource {
  const engines = new EnginePool([address], { numChannels: 1, tls });
  const client = createCompletionClient(engines, { cancelGraceMs: 1000 });
  return {
    generate: (request, signal) => client.generate(request, { requestId: randomUUID(), signal, apiKey }),
    close: async () => engines.close(),
  };
}
