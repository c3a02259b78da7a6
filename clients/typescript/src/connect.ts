// How to reach the service: in plaintext, over TLS, with a certificate of one's own, with an API key.
import { readFileSync } from 'node:fs';
import type { Interceptor, Transport } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';

/** For `parseArgs`. */
export const connectionOptions = {
  address: { type: 'string', default: 'localhost:50051' },
  tls: { type: 'boolean', default: false }, // trust the authorities that Node comes with
  ca: { type: 'string' }, // trust the authority in this PEM file; implies tls
  cert: { type: 'string' }, // the client's certificate, a PEM file, for mTLS
  key: { type: 'string' }, // the certificate's private key, a PEM file
  'api-key': { type: 'string', default: process.env['LINNET_API_KEY'] },
} as const;

export interface ConnectionOptions {
  readonly address: string;
  readonly tls: boolean;
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly 'api-key'?: string | undefined;
}

export function connect({ address, tls, ca, cert, key, 'api-key': apiKey }: ConnectionOptions): Transport {
  const read = (file: string | undefined) => (file === undefined ? undefined : readFileSync(file));
  const isSecure = tls || ca !== undefined;
  return createGrpcTransport({
    baseUrl: `${isSecure ? 'https' : 'http'}://${address}`,
    nodeOptions: isSecure ? { ca: read(ca), cert: read(cert), key: read(key) } : {},
    interceptors: apiKey === undefined ? [] : [withApiKey(apiKey)],
  });
}

/** Sends an API key with every call. It is a secret: use TLS beyond the local machine. */
function withApiKey(apiKey: string): Interceptor {
  return (next) => (request) => {
    request.header.set('authorization', `Bearer ${apiKey}`);
    return next(request);
  };
}
