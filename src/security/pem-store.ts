import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import type { Logger } from 'pino';
import { readFiles, watchFiles } from './watched-files.js';

/** The files of one end of TLS connections, in PEM. */
export interface PemFiles {
  /** The certificate and the chain to its authority, and its private key: both or neither. */
  readonly identity?: { readonly certFile: string; readonly keyFile: string } | undefined;
  /** The authorities whose certificates the other end may have. */
  readonly caFile?: string | undefined;
}

/** What the files hold, checked. */
export interface Pem {
  readonly cert?: Buffer;
  readonly key?: Buffer;
  readonly ca?: Buffer;
}

/** How a store is kept up to date. */
export interface PemStoreOptions {
  readonly logger: Logger;
  /** How often the files are read. Milliseconds. Default 2000. */
  readonly intervalMs?: number | undefined;
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/**
 * Keeps the certificates of one end of TLS connections up to date with their files. New ones are used once they are found
 * to be good; until then the old ones stay, and the log says why.
 */
export class PemStore {
  #pem: Pem;
  readonly #listeners = new Set<(pem: Pem) => void>();
  readonly #unwatch: () => void;

  /**
   * Reads the files, and watches them until `close`.
   *
   * @throws Error in one line that names the file and what is wrong with it.
   */
  constructor(files: PemFiles, { logger, intervalMs }: PemStoreOptions) {
    const { identity, caFile } = files;
    const paths = [...(identity ? [identity.certFile, identity.keyFile] : []), ...(caFile ? [caFile] : [])];
    const contents = readFiles(paths);
    this.#pem = parsePem(files, contents);
    this.#unwatch = watchFiles(paths, contents, {
      intervalMs,
      onChange: (changed) => {
        this.#pem = parsePem(files, changed);
        for (const listener of this.#listeners) listener(this.#pem);
        logger.info(
          { files: paths, validTo: validTo(this.#pem) },
          'New connections use the new certificates.',
        );
      },
      onError: ({ message }) =>
        logger.error(
          { files: paths, error: message },
          'The new certificates are of no use; the old ones stay.',
        ),
    });
  }

  /** What is in use. */
  get pem(): Pem {
    return this.#pem;
  }

  /** Calls the listener after each change, until the returned function is called. */
  onChange(listener: (pem: Pem) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Ends the watch. */
  close(): void {
    this.#unwatch();
  }
}

function parsePem({ identity, caFile }: PemFiles, contents: readonly Buffer[]): Pem {
  const [cert, key] = identity ? contents : [];
  const ca = caFile === undefined ? undefined : contents.at(-1);
  if (identity && cert && key) checkIdentity(identity, cert, key);
  if (caFile !== undefined && ca) readCertificates(caFile, ca);
  return { ...(cert && { cert }), ...(key && { key }), ...(ca && { ca }) };
}

function checkIdentity(
  { certFile, keyFile }: Required<PemFiles>['identity'] & object,
  cert: Buffer,
  key: Buffer,
) {
  const [leaf] = readCertificates(certFile, cert);
  if (leaf === undefined || !leaf.checkPrivateKey(readKey(keyFile, key))) {
    throw new Error(`${keyFile} is not the key of the certificate in ${certFile}`);
  }
  if (new Date(leaf.validTo).getTime() <= Date.now()) {
    throw new Error(`The certificate in ${certFile} expired on ${leaf.validTo}`);
  }
}

function readCertificates(file: string, pem: Buffer): X509Certificate[] {
  const blocks = pem.toString('latin1').match(CERTIFICATE) ?? [];
  if (blocks.length === 0) throw new Error(`${file} has no certificate in PEM`);
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch (cause) {
    throw new Error(`${file} has a certificate that can't be read: ${(cause as Error).message}`, { cause });
  }
}

function readKey(file: string, pem: Buffer): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    const hint = pem.includes('ENCRYPTED')
      ? 'it is encrypted; store it without a passphrase'
      : (cause as Error).message;
    throw new Error(`${file} has no private key that can be read: ${hint}`, { cause });
  }
}

function validTo({ cert }: Pem): string | undefined {
  return cert && new X509Certificate(cert).validTo;
}
