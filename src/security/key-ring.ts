import type { Logger } from 'pino';
import { AccessError } from './access-error.js';
import { idOfKey, isKeyOf, type KeyRecord } from './api-key.js';
import { parseKeyFile } from './key-file.js';
import { readFiles, watchFiles } from './watched-files.js';

/** How a ring is kept up to date. */
export interface KeyRingOptions {
  readonly logger: Logger;
  /** How often the file is read. Milliseconds. Default 2000. */
  readonly intervalMs?: number | undefined;
}

/** The keys of a file, kept up to date with it. A file that turns bad changes nothing, and the log says why. */
export class KeyRing {
  #records: ReadonlyMap<string, KeyRecord>;
  readonly #unwatch: () => void;

  /**
   * Reads the file, and watches it until `close`.
   *
   * @throws Error in one line that names the file and what is wrong with it.
   */
  constructor(path: string, { logger, intervalMs }: KeyRingOptions) {
    const contents = readFiles([path]);
    this.#records = parse(path, contents);
    if (this.#records.size === 0) logger.warn({ file: path }, 'There are no keys: every request is refused.');
    this.#unwatch = watchFiles([path], contents, {
      intervalMs,
      onChange: (changed) => {
        this.#records = parse(path, changed);
        logger.info({ file: path, keys: this.#records.size }, 'The API keys have been read again.');
      },
      onError: ({ message }) =>
        logger.error({ file: path, error: message }, 'The new API keys are of no use; the old ones stay.'),
    });
  }

  /**
   * Finds out whose key this is.
   *
   * @throws AccessError API_KEY_MISSING or API_KEY_INVALID. It doesn't repeat the key.
   */
  authenticate(key: string | undefined): KeyRecord {
    if (key === undefined) {
      const message = 'There is no API key; send one as `authorization: Bearer KEY`.';
      throw new AccessError({ reason: 'API_KEY_MISSING', message });
    }
    const record = this.#records.get(idOfKey(key) ?? '');
    if (isKeyOf(record, key) && record !== undefined) return record;
    throw new AccessError({ reason: 'API_KEY_INVALID', message: 'The API key is not valid here.' });
  }

  /** Ends the watch. */
  close(): void {
    this.#unwatch();
  }
}

function parse(path: string, [content]: readonly Buffer[]): ReadonlyMap<string, KeyRecord> {
  try {
    const records = parseKeyFile(content?.toString('utf8') ?? '');
    return new Map(records.map((record) => [record.id, record]));
  } catch (error) {
    throw new Error(`${path} is no file of API keys: ${(error as Error).message}`);
  }
}
