import { EngineError, inspectConfig } from '../../engine/index.js';
import { HubError } from '../../hub/hub-error.js';
import { readHubOptions } from '../../hub/hub-options.js';
import { pull } from '../../hub/pull.js';
import { formatRepository, type Repository } from '../../hub/repository.js';
import { findSnapshot } from '../../hub/snapshot.js';
import { CliError } from '../cli-error.js';
import { ProgressBar } from '../terminal/progress-bar.js';
import type { StatusOutput } from '../terminal/status-line.js';
import { VERSION } from '../version.js';

/** Where a pull tells of itself, and what ends it. */
export interface PullReport {
  readonly output: StatusOutput;
  /** Says a line, as for a log. */
  readonly writeLine: (line: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Brings a model from the Hub into the cache, shows how far that is, and returns its folder. Where the Hub must not be
 * asked (HF_HUB_OFFLINE), what the cache has is taken.
 *
 * @throws CliError that says what is wrong and what to do; the signal's reason where it aborts.
 */
export async function pullModel(
  repository: Repository,
  { output, writeLine, signal }: PullReport,
): Promise<string> {
  const name = formatRepository(repository);
  const bar = new ProgressBar(output, writeLine);
  try {
    const hub = readHubOptions(process.env);
    const cached = hub.offline ? findSnapshot(hub.cacheDirectory, repository) : undefined;
    if (cached !== undefined) return cached;
    const { directory } = await pull(repository, {
      ...hub,
      userAgent: `linnet/${VERSION}`,
      signal,
      onProgress: ({ bytes, totalBytes }) =>
        bar.show(`Pulling ${name}`, bytes / totalBytes, amount(bytes, totalBytes)),
      onResume: ({ bytes, totalBytes }) => {
        bar.clear();
        writeLine(`Pulling ${name} goes on at ${amount(bytes, totalBytes)}.`);
      },
      onWait: () => writeLine(`Another process is pulling ${name}; waiting for it.`),
      checkConfig: inspectConfig,
    });
    return directory;
  } catch (error) {
    throw toCliError(error, name);
  } finally {
    bar.clear();
  }
}

/**
 * Finds a model's folder: what the cache has of it, without asking the Hub, else what a pull brings.
 *
 * @throws CliError as {@link pullModel} does.
 */
export async function findOrPull(repository: Repository, report: PullReport): Promise<string> {
  const cached = findCached(repository);
  if (cached !== undefined) return cached;
  report.writeLine(`${formatRepository(repository)} is not in the cache; pulling it from the Hub.`);
  return pullModel(repository, report);
}

function findCached(repository: Repository): string | undefined {
  try {
    return findSnapshot(readHubOptions(process.env).cacheDirectory, repository);
  } catch (error) {
    throw toCliError(error, formatRepository(repository));
  }
}

function toCliError(error: unknown, name: string): unknown {
  if (error instanceof HubError) return new CliError(error.message);
  if (error instanceof EngineError) return new CliError(`${name} can't be served: ${error.message}`);
  return error;
}

function amount(bytes: number, totalBytes: number): string {
  const megabytes = (count: number) => (count / 1e6).toFixed(totalBytes < 1e7 ? 1 : 0);
  return `${megabytes(bytes)} of ${megabytes(totalBytes)} MB`;
}
