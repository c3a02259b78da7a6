import { type ChannelCredentials, credentials, Metadata } from '@grpc/grpc-js';
import { PemFolder, TestAuthority } from './certificates.js';
import { LinnetProcess } from './linnet-process.js';

/** How callers reach the service, and whom it lets in. */
export const TRANSPORTS = ['plaintext', 'TLS and API keys', 'mTLS'] as const;

/** One of them. */
export type Transport = (typeof TRANSPORTS)[number];

/** What the service and each of its callers must be told. */
export interface Access {
  readonly serverArgs: readonly string[];
  /** For the clients of `clients/`. */
  readonly clientArgs: readonly string[];
  /** For the same clients, so that the service does not know who they are. */
  readonly strangerArgs: readonly string[];
  readonly grpcurlArgs: readonly string[];
  readonly bufArgs: readonly string[];
  readonly scheme: 'http' | 'https';
  readonly channel: ChannelCredentials;
  /** Removes the files. */
  remove(): void;
}

const PLAINTEXT: Access = {
  serverArgs: [],
  clientArgs: [],
  strangerArgs: [],
  grpcurlArgs: ['-plaintext'],
  bufArgs: ['--http2-prior-knowledge'],
  scheme: 'http',
  channel: credentials.createInsecure(),
  remove: () => undefined,
};

/** Makes the certificates and keys that a transport needs. */
export async function prepareAccess(transport: Transport): Promise<Access> {
  if (transport === 'plaintext') return PLAINTEXT;
  const folder = new PemFolder();
  const authority = new TestAuthority();
  const ca = folder.write('ca.crt', authority.cert);
  const { certFile, keyFile } = folder.writeIdentity('server', authority.issue('localhost'));
  const files = { folder, authority, ca, serverArgs: ['--tls-cert', certFile, '--tls-key', keyFile] };
  return transport === 'mTLS' ? withCertificate(files) : withApiKey(files);
}

/** What is the same wherever there is TLS. */
interface TlsFiles {
  readonly folder: PemFolder;
  readonly authority: TestAuthority;
  readonly ca: string;
  readonly serverArgs: readonly string[];
}

function withCertificate({ folder, authority, ca, serverArgs }: TlsFiles): Access {
  const identity = authority.issue('client');
  const { certFile, keyFile } = folder.writeIdentity('client', identity);
  const pem = [authority.cert, identity.key, identity.cert].map((text) => Buffer.from(text));
  return {
    serverArgs: [...serverArgs, '--tls-client-ca', ca],
    clientArgs: ['--ca', ca, '--cert', certFile, '--key', keyFile],
    strangerArgs: ['--ca', ca],
    grpcurlArgs: ['-cacert', ca, '-cert', certFile, '-key', keyFile],
    bufArgs: ['--cacert', ca, '--cert', certFile, '--key', keyFile],
    scheme: 'https',
    channel: credentials.createSsl(...pem),
    remove: () => folder.remove(),
  };
}

async function withApiKey({ folder, authority, ca, serverArgs }: TlsFiles): Promise<Access> {
  const keys = folder.path('keys.json');
  const create = new LinnetProcess(['key', 'create', 'interop', '--api-keys', keys]);
  await create.end();
  const key = create.stdout.trim();
  const authorization = `authorization: Bearer ${key}`;
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${key}`);
  return {
    serverArgs: [...serverArgs, '--api-keys', keys],
    clientArgs: ['--ca', ca, '--api-key', key],
    strangerArgs: ['--ca', ca, '--api-key', 'linnet_interop_wrong'],
    grpcurlArgs: ['-cacert', ca, '-H', authorization],
    bufArgs: ['--cacert', ca, '-H', authorization, '--reflect-header', '*'],
    scheme: 'https',
    channel: credentials.combineChannelCredentials(
      credentials.createSsl(Buffer.from(authority.cert)),
      credentials.createFromMetadataGenerator((_options, done) => done(null, metadata)),
    ),
    remove: () => folder.remove(),
  };
}
