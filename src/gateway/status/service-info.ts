import type { Model } from '../../contract/gen/linnet/v1/models.js';
import { toState } from './models-route.js';
import type { ServiceInfo } from './status-schemas.js';

/** Where the service is found. */
export interface ServiceAddresses {
  /** The HTTP service's, for the examples. */
  readonly url: string;
  /** The gRPC service's, if that is to be told. */
  readonly grpcAddress: string | undefined;
}

/** Makes the service information. */
export function toServiceInfo(
  version: string,
  models: readonly Model[],
  { url, grpcAddress }: ServiceAddresses,
): ServiceInfo {
  const post = (body: object) =>
    `curl -N ${url}/v1/completions -H "Content-Type: application/json" -d '${JSON.stringify(body)}'`;
  return {
    name: 'linnet',
    description: 'GPT-2 completions in the OpenAI protocol, over HTTP and gRPC.',
    version,
    ...(grpcAddress !== undefined && { grpc_address: grpcAddress }),
    models: models.map(({ id, state }) => ({ id, state: toState(state) })),
    endpoints: {
      'POST /v1/completions':
        'Completes a prompt; "stream": true for server-sent events. Also POST /completions.',
      'POST /v1/score': 'Tells how probable texts are as continuations of a context.',
      'POST /tokenize': 'Splits text into tokens. POST /detokenize joins them.',
      'GET /v1/models': 'Lists the models. GET /v1/models/{id} describes one.',
      'GET /health':
        'Tells whether the service can answer, and its model. Also /health/ready; /health/live for the process.',
      'GET /metrics': 'Gives the metrics of the service, for Prometheus.',
      'GET /docs': 'Shows a browser how to call all of this, and lets it try.',
      'GET /openapi.json': 'Describes all of this in the form of OpenAPI 3.1.',
    },
    examples: {
      complete: post({ prompt: 'The future of AI is', max_tokens: 15 }),
      stream: post({ prompt: 'The future of AI is', max_tokens: 15, stream: true }),
      health: `curl ${url}/health`,
    },
  };
}
