import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import forge from 'node-forge';

/** A certificate and its private key, in PEM. */
export interface Identity {
  readonly cert: string;
  readonly key: string;
}

/** What a certificate says, where it is not the usual. */
export interface CertificateOptions {
  /** Default: a day from now. */
  readonly validTo?: Date;
}

const DAY_MS = 86_400_000;
let numCertificates = 0;

/** An authority that signs certificates for tests, all good for `localhost` and 127.0.0.1, on either end. */
export class TestAuthority {
  /** Its own certificate, in PEM. */
  readonly cert: string;
  readonly #name: string;
  readonly #key: forge.pki.rsa.PrivateKey;

  constructor(name = 'Test authority') {
    this.#name = name;
    const { keyPair } = makeKey();
    this.#key = keyPair.privateKey;
    const extensions = [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true },
    ];
    this.cert = this.#sign(name, { keyPair, extensions, validTo: new Date(Date.now() + DAY_MS) });
  }

  /** Makes a certificate and its key. */
  issue(name: string, { validTo = new Date(Date.now() + DAY_MS) }: CertificateOptions = {}): Identity {
    const { keyPair, pem } = makeKey();
    const extensions = [
      { name: 'extKeyUsage', serverAuth: true, clientAuth: true },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'localhost' },
          { type: 7, ip: '127.0.0.1' },
        ],
      },
    ];
    return { cert: this.#sign(name, { keyPair, extensions, validTo }), key: pem };
  }

  #sign(name: string, { keyPair, extensions, validTo }: SigningOptions): string {
    const certificate = forge.pki.createCertificate();
    certificate.publicKey = keyPair.publicKey;
    certificate.serialNumber = `01${(++numCertificates).toString(16).padStart(6, '0')}`;
    certificate.validity.notBefore = new Date(Date.now() - 30 * DAY_MS);
    certificate.validity.notAfter = validTo;
    certificate.setSubject([{ name: 'commonName', value: name }]);
    certificate.setIssuer([{ name: 'commonName', value: this.#name }]);
    certificate.setExtensions(extensions);
    certificate.sign(this.#key, forge.md.sha256.create());
    return forge.pki.certificateToPem(certificate);
  }
}

interface SigningOptions {
  readonly keyPair: forge.pki.rsa.KeyPair;
  readonly extensions: object[];
  readonly validTo: Date;
}

function makeKey() {
  // forge alone takes a second or more. In PKCS #8, since Java reads nothing else.
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const key = forge.pki.privateKeyFromPem(pem);
  return { pem, keyPair: { privateKey: key, publicKey: forge.pki.setRsaPublicKey(key.n, key.e) } };
}

/** A folder of PEM files for one test. */
export class PemFolder {
  readonly directory = mkdtempSync(join(tmpdir(), 'linnet-pem-'));

  /** The path of a file in the folder. */
  path(name: string): string {
    return join(this.directory, name);
  }

  /** Writes a file, in place of one that is there, and returns its path. */
  write(name: string, content: string): string {
    writeFileSync(this.path(`${name}.new`), content);
    renameSync(this.path(`${name}.new`), this.path(name));
    return this.path(name);
  }

  /** Writes an identity as NAME.crt and NAME.key, and returns their paths. */
  writeIdentity(name: string, { cert, key }: Identity) {
    return { certFile: this.write(`${name}.crt`, cert), keyFile: this.write(`${name}.key`, key) };
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}
