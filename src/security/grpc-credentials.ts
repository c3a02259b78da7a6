// The one file that uses grpc-js's experimental interface, which is what lets certificates change without a restart.
import { rootCertificates } from 'node:tls';
import { type ChannelCredentials, credentials, experimental, ServerCredentials } from '@grpc/grpc-js';
import type { Pem, PemStore } from './pem-store.js';

type CaListener = experimental.CaCertificateUpdateListener;
type IdentityListener = experimental.IdentityCertificateUpdateListener;

/**
 * Makes the credentials of a gRPC server: plaintext without a store. Where the store has authorities, callers must
 * show a certificate of one of them.
 */
export function createServerCredentials(store: PemStore | undefined): ServerCredentials {
  if (store === undefined) return ServerCredentials.createInsecure();
  const provider = new PemProvider(store);
  const hasCa = store.pem.ca !== undefined;
  // The parameters are the identity and then the authorities, whatever grpc-js 1.14 calls them.
  return experimental.createCertificateProviderServerCredentials(provider, hasCa ? provider : null, hasCa);
}

/**
 * Makes the credentials of a gRPC client: plaintext without a store. The server must have a certificate of one of the
 * store's authorities, of the system's where it has none.
 */
export function createChannelCredentials(store: PemStore | undefined): ChannelCredentials {
  if (store === undefined) return credentials.createInsecure();
  const provider = new PemProvider(store);
  const hasIdentity = store.pem.cert !== undefined;
  return experimental.createCertificateProviderChannelCredentials(provider, hasIdentity ? provider : null);
}

/** Hands a store's certificates to grpc-js, now and after each change. */
class PemProvider implements experimental.CertificateProvider {
  readonly #store: PemStore;
  readonly #unsubscribe = new Map<CaListener | IdentityListener, () => void>();

  constructor(store: PemStore) {
    this.#store = store;
  }

  addCaCertificateListener(listener: CaListener): void {
    this.#subscribe(listener, ({ ca = Buffer.from(rootCertificates.join('\n')) }) =>
      listener({ caCertificate: ca }),
    );
  }

  addIdentityCertificateListener(listener: IdentityListener): void {
    this.#subscribe(listener, ({ cert, key }) => {
      listener(cert && key ? { certificate: cert, privateKey: key } : null);
    });
  }

  removeCaCertificateListener(listener: CaListener): void {
    this.#forget(listener);
  }

  removeIdentityCertificateListener(listener: IdentityListener): void {
    this.#forget(listener);
  }

  #subscribe(listener: CaListener | IdentityListener, tell: (pem: Pem) => void): void {
    const unsubscribe = this.#store.onChange(tell);
    this.#unsubscribe.set(listener, unsubscribe);
    // Not at once: grpc-js begins to listen to its own credentials after it has asked for them.
    process.nextTick(() => this.#unsubscribe.has(listener) && tell(this.#store.pem));
  }

  #forget(listener: CaListener | IdentityListener): void {
    this.#unsubscribe.get(listener)?.();
    this.#unsubscribe.delete(listener);
  }
}
