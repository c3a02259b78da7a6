import { CliError } from '../cli-error.js';
import { SETTINGS, type SettingKey } from '../settings/settings.js';

/** Where a server was to listen. */
export interface ListenTarget {
  readonly host: string;
  readonly port: number;
  /** The setting that has the port. */
  readonly portSetting: SettingKey;
  /** The Unix socket that it was to be instead. */
  readonly socketPath?: string | undefined;
}

/** Turns the system's refusal to listen into one line that says which setting changes it; other errors stay as they are. */
export function toListenError(caught: unknown, target: ListenTarget): unknown {
  const { host, port, portSetting, socketPath } = target;
  const text =
    caught instanceof Error ? `${(caught as NodeJS.ErrnoException).code ?? ''} ${caught.message}` : '';
  if (socketPath !== undefined && text !== '')
    return new CliError(socketMessage(socketPath, caught as Error));
  const portHint = `Choose another with ${nameOf(portSetting)}; 0 picks a free one.`;
  if (text.includes('EADDRINUSE')) return new CliError(`Port ${port} on ${host} is in use. ${portHint}`);
  if (text.includes('EACCES'))
    return new CliError(`Port ${port} needs privileges that this process lacks. ${portHint}`);
  if (/EADDRNOTAVAIL|ENOTFOUND|EAI_AGAIN|EINVAL/.test(text)) {
    return new CliError(
      `This machine has no address "${host}" to listen on. Change it with ${nameOf('host')}.`,
    );
  }
  return caught;
}

function socketMessage(path: string, { message }: Error): string {
  return message.startsWith('Cannot listen') ? message : `Cannot listen on ${path}: ${message}.`;
}

function nameOf(key: SettingKey): string {
  const { flag, variable } = SETTINGS[key];
  return `${flag.split(' ')[0]} or ${variable}`;
}
