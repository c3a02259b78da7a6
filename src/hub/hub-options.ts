import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { HubError } from './hub-error.js';

/** Where the Hub is, and where what comes from it is kept. */
export interface HubOptions {
  /** Such as `https://huggingface.co`, without a slash at the end. */
  readonly endpoint: string;
  /** The cache that all of Hugging Face's tools share. */
  readonly cacheDirectory: string;
  /** Sent to the endpoint, and to nobody else; undefined for an anonymous caller. */
  readonly token: string | undefined;
  /** Whether the Hub must not be asked. */
  readonly offline: boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads the variables that Hugging Face's own tools read: HF_ENDPOINT, HF_HOME, HF_HUB_CACHE, HF_TOKEN, HF_TOKEN_PATH
 * (default `token` in HF_HOME) and HF_HUB_OFFLINE. One that is set and empty counts as not set.
 *
 * @throws HubError where HF_ENDPOINT is no URL.
 */
export function readHubOptions(environment: Environment): HubOptions {
  const home = folder(environment['HF_HOME']) ?? join(cacheHome(environment), 'huggingface');
  const cache = environment['HF_HUB_CACHE'] || environment['HUGGINGFACE_HUB_CACHE'];
  return {
    endpoint: parseEndpoint(environment['HF_ENDPOINT'] || 'https://huggingface.co'),
    cacheDirectory: folder(cache) ?? join(home, 'hub'),
    token: readToken(environment, home),
    offline: [environment['HF_HUB_OFFLINE'], environment['TRANSFORMERS_OFFLINE']].some(isYes),
  };
}

function cacheHome(environment: Environment): string {
  return folder(environment['XDG_CACHE_HOME']) ?? join(homedir(), '.cache');
}

/** Makes a path absolute; `~` is the home folder. */
function folder(path: string | undefined): string | undefined {
  return path ? resolve(path.replace(/^~(?=$|[\\/])/, homedir())) : undefined;
}

function readToken(environment: Environment, home: string): string | undefined {
  const given = environment['HF_TOKEN'] || environment['HUGGING_FACE_HUB_TOKEN'];
  return given?.trim() || readTokenFile(folder(environment['HF_TOKEN_PATH']) ?? join(home, 'token'));
}

function readTokenFile(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim() || undefined;
  } catch {
    // No file: an anonymous caller. A repository that needs a token says so.
    return undefined;
  }
}

function parseEndpoint(text: string): string {
  if (/^https?:\/\/[^\s?#]+$/.test(text) && URL.canParse(text)) return text.replace(/\/+$/, '');
  throw new HubError(`HF_ENDPOINT must be a URL such as https://huggingface.co; got "${text}".`);
}

function isYes(value: string | undefined): boolean {
  return ['1', 'ON', 'YES', 'TRUE'].includes(value?.toUpperCase() ?? '');
}
