import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { UsageError } from '../cli-error.js';
import { SETTINGS } from './settings.js';

/** What a config file says. */
export interface ConfigFile {
  /** As it was given, for messages. */
  readonly path: string;
  /** Values by the names of settings, not yet checked; no other names. */
  readonly values: Readonly<Record<string, unknown>>;
}

/** The file that is read from the working directory where none is named. */
export const DEFAULT_CONFIG_FILE = 'linnet.config.json';

const schema = z.record(z.string(), z.unknown());

/**
 * Reads a config file: a JSON object whose keys are settings.
 *
 * @param path - the file that was asked for; undefined for the default one, which need not exist.
 * @throws UsageError where the file can't be read, is no JSON object, or has a key that is no setting.
 */
export function readConfigFile(path: string | undefined): ConfigFile | undefined {
  const file = path ?? DEFAULT_CONFIG_FILE;
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (path === undefined && (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new UsageError(`The config file ${file} can't be read: ${(error as Error).message}.`);
  }
  const values = parseObject(file, text);
  const names: readonly string[] = Object.values(SETTINGS).map(({ name }) => name);
  const stranger = Object.keys(values).find((key) => !names.includes(key));
  if (stranger === undefined) return { path: file, values };
  throw new UsageError(
    `${file} has the key "${stranger}", which is no setting. Settings are: ${names.join(', ')}.`,
  );
}

function parseObject(file: string, text: string): Record<string, unknown> {
  try {
    return schema.parse(JSON.parse(text));
  } catch (error) {
    const reason = error instanceof SyntaxError ? error.message : 'it is no object';
    throw new UsageError(`The config file ${file} must be a JSON object of settings: ${reason}.`);
  }
}
