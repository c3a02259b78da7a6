import { readFile, statfs } from 'node:fs/promises';
import { ensureBlob, missingBytes } from './blob.js';
import { chooseFiles, INDEX, parseShards } from './checkpoint-files.js';
import { takeLock } from './file-lock.js';
import { describeFile, getRevision, type RemoteFile } from './hub-client.js';
import { HubError } from './hub-error.js';
import type { HubOptions } from './hub-options.js';
import type { HubAccess } from './hub-request.js';
import { formatRepository, type Repository } from './repository.js';
import { retrying } from './retry.js';
import { lockPathOf, RepositoryCache } from './snapshot.js';

/** How far a pull is. */
export interface PullProgress {
  /** The file that is being downloaded. */
  readonly file: string;
  /** Bytes of all files that are there. */
  readonly bytes: number;
  /** Bytes of all files. */
  readonly totalBytes: number;
}

/** What a pull is told, and what it tells. */
export interface PullOptions extends HubOptions {
  /** How requests name this program, such as `linnet/1.2.3`. */
  readonly userAgent: string;
  /** Ends the pull; what has come is kept for the next one. */
  readonly signal: AbortSignal;
  readonly onProgress: (progress: PullProgress) => void;
  /** Called where some of the weights are there already, and the pull goes on from there: how much of all files that is. */
  readonly onResume: (progress: Omit<PullProgress, 'file'>) => void;
  /** Called where another process is pulling the same repository, and this one waits for it. */
  readonly onWait: () => void;
  /** Looks at `config.json` before the weights are downloaded; what it throws ends the pull. */
  readonly checkConfig: (json: string) => void;
  /** How long a server may be silent. Default 30,000. Milliseconds. */
  readonly silenceLimitMs?: number;
  /** Tries in a row without progress. Default 6. */
  readonly maxTries?: number;
  /** The wait before the second try; it doubles. Default 500. Milliseconds. */
  readonly retryDelayMs?: number;
}

/** What was pulled. */
export interface PulledCheckpoint {
  /** The folder with `config.json` and the weights. */
  readonly directory: string;
  /** 40 hex digits. */
  readonly commit: string;
  readonly totalBytes: number;
}

/**
 * Brings a repository's checkpoint into the cache, in the layout of Hugging Face's own tools, and checks all of it. Until
 * everything is there and right, no snapshot shows any of it; what an earlier pull left, or another tool, is used.
 *
 * @throws HubError that says what is wrong and what to do; the signal's reason where it aborts.
 */
export async function pull(repository: Repository, options: PullOptions): Promise<PulledCheckpoint> {
  const { offline, cacheDirectory, signal, onWait } = options;
  if (offline) throw offlineError(repository, cacheDirectory);
  const release = await takeLock(lockPathOf(cacheDirectory, repository.id), { signal, onWait }).catch(
    toHubError,
  );
  try {
    return await new Pull(repository, options).run();
  } catch (error) {
    return toHubError(error);
  } finally {
    await release();
  }
}

/** One pull under way. */
class Pull {
  readonly #repository: Repository;
  readonly #options: PullOptions;
  readonly #access: HubAccess;
  readonly #cache: RepositoryCache;
  readonly #retry;
  readonly #files: RemoteFile[] = [];
  #bytesBefore = 0;

  constructor(repository: Repository, options: PullOptions) {
    const { silenceLimitMs = 30_000, maxTries = 6, retryDelayMs = 500, signal } = options;
    this.#repository = repository;
    this.#options = options;
    const { endpoint, token, userAgent } = options;
    this.#access = { endpoint, token, userAgent, silenceLimitMs };
    this.#retry = { maxTries, delayMs: retryDelayMs, signal };
    this.#cache = new RepositoryCache(options.cacheDirectory, repository.id);
  }

  async run(): Promise<PulledCheckpoint> {
    const { checkConfig, signal } = this.#options;
    const name = formatRepository(this.#repository);
    const { commit, files } = await retrying(
      () => getRevision(this.#access, this.#repository, signal),
      this.#retry,
    );
    const { descriptions, weights } = chooseFiles(files, name);
    const described = await this.#describe(commit, descriptions);
    // All that is known of: the total is right from the start unless there is a list of shards to read first.
    const known = weights && (await this.#describe(commit, weights));
    for (const file of described) await this.#download(file);
    checkConfig(await this.#read('config.json'));
    const shards = known ?? (await this.#describe(commit, parseShards(await this.#read(INDEX), name)));
    const missing = await this.#missingBytes(shards);
    await this.#checkSpace(missing);
    if (missing > 0 && missing < sizeOf(shards)) {
      this.#options.onResume({ bytes: this.#totalBytes - missing, totalBytes: this.#totalBytes });
    }
    for (const file of shards) await this.#download(file);
    // The config last: without it no folder is a checkpoint.
    for (const { path, etag } of [...this.#files].reverse()) await this.#cache.link(commit, path, etag);
    await this.#cache.writeRef(this.#repository.revision, commit);
    return { directory: this.#cache.snapshotPath(commit), commit, totalBytes: this.#totalBytes };
  }

  get #totalBytes(): number {
    return sizeOf(this.#files);
  }

  async #describe(commit: string, paths: readonly string[]): Promise<RemoteFile[]> {
    const described: RemoteFile[] = [];
    for (const path of paths) {
      const where = { id: this.#repository.id, commit, path };
      described.push(
        await retrying(() => describeFile(this.#access, where, this.#options.signal), this.#retry),
      );
    }
    this.#files.push(...described);
    return described;
  }

  async #download(file: RemoteFile): Promise<void> {
    const { onProgress } = this.#options;
    await ensureBlob(this.#cache.blobPath(file.etag), file, {
      access: this.#access,
      retry: this.#retry,
      onBytes: (bytes) =>
        onProgress({ file: file.path, bytes: this.#bytesBefore + bytes, totalBytes: this.#totalBytes }),
    });
    this.#bytesBefore += file.size;
  }

  /** Reads a file that has been downloaded. */
  async #read(path: string): Promise<string> {
    const etag = this.#files.find((file) => file.path === path)?.etag ?? '';
    return readFile(this.#cache.blobPath(etag), 'utf8');
  }

  async #missingBytes(files: readonly RemoteFile[]): Promise<number> {
    let missing = 0;
    for (const file of files) missing += await missingBytes(this.#cache.blobPath(file.etag), file);
    return missing;
  }

  /** Says beforehand, not after an hour, that the disk is too small. */
  async #checkSpace(missing: number): Promise<void> {
    const { cacheDirectory } = this.#options;
    const { bavail, bsize } = await statfs(cacheDirectory);
    const free = bavail * bsize;
    if (free >= missing) return;
    throw new HubError(
      `${cacheDirectory} has room for ${formatMegabytes(free)}, and ${formatMegabytes(missing)} are missing. Free some, or name another folder by HF_HUB_CACHE.`,
    );
  }
}

function sizeOf(files: readonly RemoteFile[]): number {
  return files.reduce((sum, { size }) => sum + size, 0);
}

function formatMegabytes(bytes: number): string {
  return `${Math.ceil(bytes / 1e6)} MB`;
}

function offlineError(repository: Repository, cacheDirectory: string): HubError {
  return new HubError(
    `${formatRepository(repository)} is not in ${cacheDirectory}, and HF_HUB_OFFLINE forbids to ask for it. Pull it without that variable.`,
  );
}

/** Says what the system refuses in one line; other errors stay as they are. */
function toHubError(error: unknown): never {
  const { code, path, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC')
    throw new HubError(`The disk is full; free some space, then pull again: ${message}.`);
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS' || code === 'ENOTDIR')
    throw new HubError(`The cache can't be written (${code}: ${path}). Name another folder by HF_HUB_CACHE.`);
  throw error;
}
