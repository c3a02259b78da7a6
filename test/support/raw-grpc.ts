import { connect, constants } from 'node:http2';

/** What a peer answered: the headers and trailers of its response, together. */
export type RawResponse = Readonly<Record<string, unknown>>;

/** A call made by hand, for what a gRPC client would not send or would itself put right. */
export interface RawCall {
  readonly path: string;
  readonly message: Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Begins a call over HTTP/2. Nothing is read of it until the caller does. */
export function openRaw(target: string, { path, message, headers }: RawCall) {
  const session = connect(`http://${target}`);
  const stream = session.request({
    [constants.HTTP2_HEADER_METHOD]: 'POST',
    [constants.HTTP2_HEADER_PATH]: path,
    'content-type': 'application/grpc',
    te: 'trailers',
    ...headers,
  });
  const frame = Buffer.alloc(5 + message.length);
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, 5);
  stream.end(frame);
  return { session, stream };
}

/** Makes a call over HTTP/2 and reads it to its end. */
export function callRaw(target: string, call: RawCall): Promise<RawResponse> {
  const { session, stream } = openRaw(target, call);
  return new Promise<RawResponse>((resolve, reject) => {
    let response: RawResponse = {};
    const collect = (received: object) => {
      response = { ...response, ...received };
    };
    stream.on('response', collect).on('trailers', collect);
    stream.on('error', reject).on('close', () => resolve(response));
    stream.resume();
  }).finally(() => session.close());
}
