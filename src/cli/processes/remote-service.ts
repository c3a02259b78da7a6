import type { PemStore } from '../../security/pem-store.js';
import type { Settings } from '../settings/settings.js';
import { createLog } from '../terminal/log.js';
import { openEngineTls } from './security.js';

/** A gRPC service that runs, and how a command gets in. */
export interface RemoteService {
  /** In gRPC's name syntax. */
  readonly address: string;
  /** The certificates of the connection; undefined for plaintext. */
  readonly tls: PemStore | undefined;
  /** The API key to send; undefined for none. */
  readonly apiKey: string | undefined;
}

/**
 * Opens what a command needs to ask a service: the certificates that the settings name, and the key of `LINNET_API_KEY`.
 *
 * @throws CliError, UsageError as {@link openEngineTls}.
 */
export function openRemoteService(address: string, settings: Settings): RemoteService {
  const tls = openEngineTls(settings, createLog({ ...settings, logLevel: 'silent' }, process));
  return { address, tls, apiKey: process.env['LINNET_API_KEY'] || undefined };
}
