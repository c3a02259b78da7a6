import type { Model } from '../contract/gen/linnet/v1/models.js';
import { toState } from './models-route.js';

/** What a newcomer needs to know of the service. */
export interface ServiceInfo {
  readonly name: 'linnet';
  readonly description: string;
  readonly version: string;
  /** The models with their states; empty where the engine does not answer. */
  readonly models: readonly { readonly id: string; readonly state: string }[];
  /** What each path does. */
  readonly endpoints: Readonly<Record<string, string>>;
  /** Commands to copy, by what they show. */
  readonly examples: Readonly<Record<string, string>>;
}

/**
 * Makes the service information.
 *
 * @param url where the service is, for the examples.
 */
export function toServiceInfo(version: string, models: readonly Model[], url: string): ServiceInfo {
  const post = (body: object) =>
    `curl -N ${url}/v1/completions -H "Content-Type: application/json" -d '${JSON.stringify(body)}'`;
  return {
    name: 'linnet',
    description: 'GPT-2 completions in the OpenAI protocol, over HTTP and gRPC.',
    version,
    models: models.map(({ id, state }) => ({ id, state: toState(state) })),
    endpoints: {
      'POST /v1/completions':
        'Completes a prompt; "stream": true for server-sent events. Also POST /completions.',
      'GET /v1/models': 'Lists the models. GET /v1/models/{id} describes one.',
      'GET /health':
        'Tells whether the service can answer, and its model. Also /health/ready; /health/live for the process.',
    },
    examples: {
      complete: post({ prompt: 'The future of AI is', max_tokens: 15 }),
      stream: post({ prompt: 'The future of AI is', max_tokens: 15, stream: true }),
      health: `curl ${url}/health`,
    },
  };
}
