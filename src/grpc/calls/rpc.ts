import type {
  MethodDefinition,
  ServerDuplexStream,
  ServerUnaryCall,
  ServerWritableStream,
  ServiceDefinition,
  sendUnaryData,
  UntypedHandleCall,
} from '@grpc/grpc-js';
import type { Logger } from 'pino';
import type { Tracer } from '../../telemetry/tracer.js';
import { decodeRequest, type MessageDecoder } from '../messages/decode-request.js';
import type { ServiceMetrics } from '../metrics/service-metrics.js';
import { startCallLog } from './call-log.js';
import { type CallScope, openCallScope } from './call-scope.js';
import { beginWithFault, parseFault, withFault } from './fault.js';
import { type Responses, ResponseWriter } from './response-writer.js';
import { toStatus } from './status-mapper.js';

/** What every call of a server shares. */
export interface RpcOptions {
  readonly logger: Logger;
  /** Whether the log has prompts and completions too. */
  readonly logText: boolean;
  /** Whether calls may ask for faults. */
  readonly allowsFaults: boolean;
  /** Where calls are counted; undefined for nowhere. */
  readonly metrics: ServiceMetrics | undefined;
  /** Where traces of requests go; undefined for nowhere. */
  readonly tracer: Tracer | undefined;
  /** How long a caller may leave a full stream unread before its call is cancelled. Milliseconds. */
  readonly stallLimitMs: number;
  /** Aborts, with an EngineError, when the server ends every call. */
  readonly closing: AbortSignal;
}

/** One RPC, ready for `Server.addService`. */
export interface Rpc {
  readonly definition: ServiceDefinition[string];
  readonly handler: UntypedHandleCall;
}

/** An RPC and what answers it; `answer` throws EngineErrors. */
export interface RpcSpec<Request, Response, Answer> {
  readonly method: MethodDefinition<Request, Response>;
  readonly request: MessageDecoder<Request>;
  readonly answer: Answer;
  /** At which level a call is logged that the service has nothing to answer for. Default debug. */
  readonly level?: 'info' | 'debug';
}

type UnarySpec<Request, Response> = RpcSpec<
  Request,
  Response,
  (request: Request, scope: CallScope) => Response | Promise<Response>
>;

/** Makes an RPC of a function from request to response, which may take its time as long as the scope allows. */
export function unaryRpc<Request, Response>(spec: UnarySpec<Request, Response>, options: RpcOptions): Rpc {
  const handler = (call: ServerUnaryCall<Buffer, Response>, respond: sendUnaryData<Response>) => {
    void serveUnary(call, respond, { spec, options });
  };
  return { definition: takingBytes(spec.method), handler };
}

/** A call that streams responses, while it runs. */
export interface StreamingCall<Response> {
  readonly scope: CallScope;
  readonly responses: Responses<Response>;
}

/** Makes an RPC of a function that writes the responses to a request. */
export function serverStreamRpc<Request, Response>(
  spec: RpcSpec<Request, Response, (request: Request, call: StreamingCall<Response>) => Promise<void>>,
  options: RpcOptions,
): Rpc {
  const handler = (call: ServerWritableStream<Buffer, Response>) => {
    const answer: StreamAnswer<Response> = async ({ scope, responses }) => {
      const fault = parseFault(call.metadata, options.allowsFaults);
      const request = decodeRequest(spec.request, call.request);
      if (fault === undefined) return spec.answer(request, { scope, responses });
      await beginWithFault(fault, scope.signal);
      await spec.answer(request, { scope, responses: withFault(responses, fault, scope.signal) });
    };
    void serveStream(call, { ...spec, answer }, options);
  };
  return { definition: takingBytes(spec.method), handler };
}

/** Makes an RPC of a function from each request of a stream to its response. */
export function bidiStreamRpc<Request, Response>(
  spec: RpcSpec<Request, Response, (request: Request) => Response>,
  options: RpcOptions,
): Rpc {
  const handler = (call: ServerDuplexStream<Buffer, Response>) => {
    const answer: StreamAnswer<Response> = async ({ scope: { signal }, responses }) => {
      // Nothing else wakes a loop that waits for the next request.
      signal.addEventListener('abort', () => call.readableEnded || call.push(null), { once: true });
      // By default the end of the requests would destroy the call, with the status still to be sent.
      for await (const bytes of call.iterator({ destroyOnReturn: false })) {
        const response = spec.answer(decodeRequest(spec.request, bytes));
        if (!responses.write(response)) await responses.drained();
      }
      signal.throwIfAborted();
    };
    void serveStream(call, { ...spec, answer }, options);
  };
  return { definition: takingBytes(spec.method), handler };
}

/** Serves one unary call to its end. Never throws. */
async function serveUnary<Request, Response>(
  call: ServerUnaryCall<Buffer, Response>,
  respond: sendUnaryData<Response>,
  { spec, options }: { spec: UnarySpec<Request, Response>; options: RpcOptions },
): Promise<void> {
  const { method, request, answer, level = 'debug' } = spec;
  const log = startCallLog({ ...options, rpc: method.path, level });
  const scope = openCallScope(call, options.closing);
  const { requestId, signal, notes } = scope;
  try {
    const fault = parseFault(call.metadata, options.allowsFaults);
    if (fault !== undefined) await beginWithFault(fault, signal);
    const response = await answer(decodeRequest(request, call.request), scope);
    respond(null, response);
    log({ requestId, ...notes });
  } catch (caught) {
    const failure = signal.aborted ? signal.reason : caught;
    if (!call.cancelled) respond(toStatus(failure, requestId)); // Else nobody is there to be told.
    log({ requestId, ...notes }, failure);
  } finally {
    scope.close();
  }
}

type ResponseStream<Response> = ServerWritableStream<Buffer, Response> | ServerDuplexStream<Buffer, Response>;
type StreamAnswer<Response> = (call: StreamingCall<Response>) => Promise<void>;

interface ServedStream<Response> {
  readonly method: { readonly path: string };
  readonly answer: StreamAnswer<Response>;
  readonly level?: 'info' | 'debug';
}

/** Serves one streaming call to its end. Never throws. */
async function serveStream<Response>(
  call: ResponseStream<Response>,
  { method, answer, level = 'debug' }: ServedStream<Response>,
  { logger, metrics, stallLimitMs, closing }: RpcOptions,
): Promise<void> {
  const log = startCallLog({ logger, metrics, rpc: method.path, level });
  const scope = openCallScope(call, closing);
  const responses = new ResponseWriter<Response>(call, { scope, stallLimitMs });
  const { requestId, signal, notes } = scope;
  let failure: unknown;
  try {
    await answer({ scope, responses });
  } catch (caught) {
    failure = signal.aborted ? signal.reason : caught;
  } finally {
    responses.close();
    scope.close();
  }
  log({ requestId, ...notes }, failure);
  if (call.cancelled) return; // Nobody is there to be told.
  if (failure === undefined) call.end();
  // The one way in which grpc-js sends a status: destroy() would leave the caller to wait for its deadline.
  else call.emit('error', toStatus(failure, requestId));
}

/** Leaves requests undecoded: grpc-js answers what its decoder throws with INTERNAL, and drops the reason. */
function takingBytes<Request, Response>(method: MethodDefinition<Request, Response>) {
  return { ...method, requestDeserialize: (bytes: Buffer) => bytes };
}
