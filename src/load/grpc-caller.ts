import { type ClientReadableStream, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import {
  CompletionClient,
  type GenerateRequest,
  type GenerateResponse,
} from '../contract/gen/linnet/v1/completion.js';
import { decodeRichStatus } from '../contract/rich-status.js';
import { type Attempt, AttemptClock, type CallOptions } from './attempt.js';
import type { Caller, CallerOptions } from './caller.js';
import type { LoadRequest } from './load-request.js';

/** Creates a caller that reads `Completion/Generate`, on one connection to each address. */
export function createGrpcCaller({ target, apiKey, timeoutMs }: CallerOptions): Caller {
  const isSecure = target.startsWith('grpcs:');
  const address = target.replace(/^grpcs?:(\/\/)?/, '');
  // What is counted is what the service did, not what a retry made of it.
  const client = new CompletionClient(
    address,
    isSecure ? credentials.createSsl() : credentials.createInsecure(),
    {
      'grpc.enable_retries': 0,
    },
  );
  const metadata = new Metadata();
  if (apiKey !== undefined) metadata.set('authorization', `Bearer ${apiKey}`);
  return {
    call: (request, options) =>
      follow(
        client.generate(toGenerateRequest(request), metadata, { deadline: Date.now() + timeoutMs }),
        options,
      ),
    close: () => client.close(),
  };
}

function follow(
  call: ClientReadableStream<GenerateResponse>,
  { leaveAfter, signal }: CallOptions,
): Promise<Attempt> {
  const clock = new AttemptClock();
  return new Promise((resolve) => {
    let completionTokens = 0;
    const end = (attempt: Attempt) => {
      signal.removeEventListener('abort', abort);
      resolve(attempt);
    };
    const leave = (attempt: Attempt) => {
      end(attempt);
      call.cancel();
    };
    const abort = () => leave(clock.fail('UNFINISHED', false));
    signal.addEventListener('abort', abort, { once: true });
    call.on('data', ({ event }: GenerateResponse) => {
      if (event?.$case === 'finished') completionTokens = event.value.usage?.completionTokens ?? 0;
      if (event?.$case === 'delta' && event.value.text !== '') clock.add(event.value.text);
      if (leaveAfter !== undefined && clock.numParts >= leaveAfter) leave(clock.end('left'));
    });
    // One that waits for no text leaves as soon as it is accepted.
    if (leaveAfter === 0) call.once('metadata', () => leave(clock.end('left')));
    call.on('error', (error: ServiceError) => end(clock.fail(reasonOf(error), isRefusal(error))));
    call.on('end', () => end(clock.end('completed', { completionTokens })));
  });
}

/** The service has said why, or, where a proxy did, with a code for what it will not take. */
function isRefusal(error: ServiceError): boolean {
  return decodeRichStatus(error) !== undefined || error.code === status.RESOURCE_EXHAUSTED;
}

function reasonOf(error: ServiceError): string {
  return decodeRichStatus(error)?.reason ?? status[error.code] ?? 'UNKNOWN';
}

function toGenerateRequest(request: LoadRequest): GenerateRequest {
  const { promptTokenIds, maxTokens, model, temperature, seed } = request;
  return {
    model,
    input: { $case: 'promptTokenIds', value: { ids: [...promptTokenIds] } },
    prompts: [],
    maxTokens,
    temperature,
    seed: BigInt(seed),
    ignoreEos: true,
    stop: [],
    logitBias: {},
    stopTokenIds: [],
  };
}
