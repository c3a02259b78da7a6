// How to reach the service: in plaintext, over TLS, with a certificate of one's own, with an API key.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { credentials, loadPackageDefinition, Metadata } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

const PROTO = fileURLToPath(new URL('../../proto/', import.meta.url));

const definition = loadSync('linnet/v1/completion.proto', {
  includeDirs: [PROTO],
  defaults: true, // lists are never left out
  longs: String, // seeds are of 64 bits
  enums: String,
  oneofs: true, // names in `event` which one is set
});
const { Completion } = loadPackageDefinition(definition).linnet.v1;

/** For `parseArgs`. */
export const connectionOptions = {
  address: { type: 'string', default: 'localhost:50051' },
  tls: { type: 'boolean', default: false }, // trust the authorities that Node comes with
  ca: { type: 'string' }, // trust the authority in this PEM file; implies tls
  cert: { type: 'string' }, // the client's certificate, a PEM file, for mTLS
  key: { type: 'string' }, // the certificate's private key, a PEM file
  'api-key': { type: 'string', default: process.env.LINNET_API_KEY },
};

export function connect({ address, tls, ca, cert, key }) {
  const read = (file) => (file === undefined ? null : readFileSync(file));
  const isSecure = tls || ca !== undefined;
  return new Completion(
    address,
    isSecure ? credentials.createSsl(read(ca), read(key), read(cert)) : credentials.createInsecure(),
  );
}

/** The metadata that every call carries. An API key is a secret: use TLS beyond the local machine. */
export function callMetadata({ 'api-key': apiKey }) {
  const metadata = new Metadata();
  if (apiKey !== undefined) metadata.set('authorization', `Bearer ${apiKey}`);
  return metadata;
}
