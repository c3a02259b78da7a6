import { KeyRing } from '../../security/key-ring.js';
import { type PemFiles, PemStore } from '../../security/pem-store.js';
import { CliError, UsageError } from '../cli-error.js';
import { isLoopback } from '../settings/network-address.js';
import { SETTINGS, type SettingKey, type Settings } from '../settings/settings.js';
import type { Log } from '../terminal/log.js';

/** What a server knows its clients by, and they it. */
export interface ServerSecurity {
  readonly tls: PemStore | undefined;
  readonly keys: KeyRing | undefined;
}

/**
 * Opens a server's certificates and API keys, as the settings say. They live as long as the process.
 *
 * @throws CliError in one line that names the file and what is wrong with it; UsageError where settings are missing.
 */
export function openServerSecurity(settings: Settings, log: Log): ServerSecurity {
  const { apiKeys } = settings;
  const identity = identityOf(settings, 'tlsCert', 'tlsKey');
  if (identity === undefined && settings.tlsClientCa !== undefined) throw missing('tlsCert', 'tlsClientCa');
  return {
    tls: identity && open(() => new PemStore({ identity, caFile: settings.tlsClientCa }, { logger: log })),
    keys: apiKeys === undefined ? undefined : open(() => new KeyRing(apiKeys, { logger: log })),
  };
}

/**
 * Opens the certificates of connections to an engine elsewhere; undefined for plaintext.
 *
 * @throws CliError, UsageError as {@link openServerSecurity}.
 */
export function openEngineTls(settings: Settings, log: Log): PemStore | undefined {
  const { engineCa } = settings;
  const identity = identityOf(settings, 'engineCert', 'engineKey');
  if (engineCa === undefined) {
    if (identity !== undefined) throw missing('engineCa', 'engineCert');
    return undefined;
  }
  const files: PemFiles = { identity, caFile: engineCa === 'system' ? undefined : engineCa };
  return open(() => new PemStore(files, { logger: log }));
}

/** Says in one line who can use a server with these settings, and how. */
export function describeAccess({ host, tlsCert, tlsClientCa, apiKeys }: Settings): string {
  const facts = [isLoopback(host) ? 'this machine only' : 'whoever can reach it'];
  facts.push(tlsCert === undefined ? 'in plaintext' : 'over TLS');
  if (tlsClientCa !== undefined) facts.push('with a client certificate');
  if (apiKeys !== undefined) facts.push('with an API key');
  return facts.join(', ');
}

/** Says what strangers could do to a server that these settings open to others than this machine; undefined where nothing. */
export function exposureOf({ host, tlsCert, tlsClientCa, apiKeys }: Settings): string | undefined {
  if (isLoopback(host)) return undefined;
  const isOpen = apiKeys === undefined && tlsClientCa === undefined;
  if (isOpen && tlsCert === undefined) {
    return `Whoever can reach ${host} can use this: it listens in plaintext and asks nobody who they are. --tls-cert and --api-keys change that.`;
  }
  if (isOpen) {
    return `Whoever can reach ${host} can use this: it asks nobody who they are. --api-keys or --tls-client-ca changes that.`;
  }
  if (tlsCert !== undefined) return undefined;
  return `Prompts and API keys cross the network to ${host} in plaintext. --tls-cert changes that, or a proxy in front that ends TLS.`;
}

function identityOf(settings: Settings, cert: 'tlsCert' | 'engineCert', key: 'tlsKey' | 'engineKey') {
  const { [cert]: certFile, [key]: keyFile } = settings;
  if (certFile !== undefined && keyFile !== undefined) return { certFile, keyFile };
  if (certFile !== undefined) throw missing(key, cert);
  if (keyFile !== undefined) throw missing(cert, key);
  return undefined;
}

function missing(key: SettingKey, given: SettingKey): UsageError {
  const name = (of: SettingKey) => `${SETTINGS[of].flag.split(' ')[0]} or ${SETTINGS[of].variable}`;
  return new UsageError(`${name(given)} is of no use without ${name(key)}.`);
}

function open<T>(opening: () => T): T {
  try {
    return opening();
  } catch (error) {
    throw new CliError(`${(error as Error).message}.`);
  }
}
