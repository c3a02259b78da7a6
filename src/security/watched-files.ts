import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

/** How files are watched. */
export interface WatchOptions {
  /** Called with the files' new contents, in order. What it throws goes to `onError`, and the contents count as seen. */
  readonly onChange: (contents: readonly Buffer[]) => void;
  /** Called once for each change that can't be used: a file that can't be read, or what `onChange` threw. */
  readonly onError: (error: Error) => void;
  /** How often the files are read. Milliseconds. Default 2000. */
  readonly intervalMs?: number | undefined;
}

const DEFAULT_INTERVAL_MS = 2000;

/**
 * Reads files together.
 *
 * @throws Error that names the file that can't be read.
 */
export function readFiles(paths: readonly string[]): readonly Buffer[] {
  return paths.map((path) => {
    try {
      return readFileSync(path);
    } catch (cause) {
      throw unreadable(path, cause);
    }
  });
}

/**
 * Watches files that belong together by reading them again and again, which also sees what is replaced by a rename or
 * behind a symbolic link. A change counts once it has held for one interval: a pair that is being written file by file
 * is not read in between.
 *
 * @param contents as they are in use now.
 * @returns Ends the watch.
 */
export function watchFiles(
  paths: readonly string[],
  contents: readonly Buffer[],
  { onChange, onError, intervalMs = DEFAULT_INTERVAL_MS }: WatchOptions,
): () => void {
  let applied = digest(contents);
  let last = applied;
  let isReading = false;
  const look = async () => {
    const { seen, found } = await readAgain(paths);
    const held = seen === last;
    last = seen;
    if (!held || seen === applied || timer === undefined) return;
    applied = seen;
    try {
      if (found instanceof Error) throw found;
      onChange(found);
    } catch (error) {
      onError(error instanceof Error ? error : new Error(String(error)));
    }
  };
  let timer: NodeJS.Timeout | undefined = setInterval(() => {
    if (isReading) return;
    isReading = true;
    void look().finally(() => {
      isReading = false;
    });
  }, intervalMs).unref();
  return () => {
    clearInterval(timer);
    timer = undefined;
  };
}

async function readAgain(paths: readonly string[]) {
  try {
    const found = await Promise.all(
      paths.map((path) => readFile(path).catch((cause) => Promise.reject(unreadable(path, cause)))),
    );
    return { found, seen: digest(found) };
  } catch (error) {
    return { found: error as Error, seen: (error as Error).message };
  }
}

function digest(contents: readonly Buffer[]): string {
  return contents.map((content) => content.toString('latin1')).join('\0');
}

function unreadable(path: string, cause: unknown): Error {
  const { code, message } = cause as NodeJS.ErrnoException;
  return new Error(`${path} can't be read: ${code === 'ENOENT' ? 'there is no such file' : message}`, {
    cause,
  });
}
