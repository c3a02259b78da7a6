import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { link, mkdir, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { INDEX, parseShards } from './checkpoint-files.js';
import { isCommit, namesOf, type Repository } from './repository.js';

/** Where the cache keeps one repository: `blobs/ETAG`, `snapshots/COMMIT/FILE` (links to blobs), `refs/REVISION`. */
export class RepositoryCache {
  readonly #root: string;

  /** @param name the repository's id. */
  constructor(cacheDirectory: string, name: string) {
    this.#root = join(cacheDirectory, folderOf(name));
  }

  blobPath(etag: string): string {
    return join(this.#root, 'blobs', etag);
  }

  snapshotPath(commit: string): string {
    return join(this.#root, 'snapshots', commit);
  }

  /** The folder of a revision's checkpoint, or undefined where some of it is not there. Asks nobody. */
  find(revision: string): string | undefined {
    const commit = isCommit(revision) ? revision : this.#readRef(revision);
    if (commit === undefined) return undefined;
    const directory = this.snapshotPath(commit);
    return isWhole(directory) ? directory : undefined;
  }

  /** Gives a blob its name in a snapshot. In place of one link comes the other: there is no moment without. */
  async link(commit: string, path: string, etag: string): Promise<void> {
    const place = join(this.snapshotPath(commit), path);
    const target = relative(dirname(place), this.blobPath(etag));
    if ((await readlink(place).catch(() => undefined)) === target) return;
    await mkdir(dirname(place), { recursive: true });
    const aside = `${place}.${randomUUID()}`;
    // Windows lets only some users make symbolic links.
    await symlink(target, aside).catch(() => link(this.blobPath(etag), aside));
    await rename(aside, place);
  }

  /** Notes which commit a branch or tag is. */
  async writeRef(revision: string, commit: string): Promise<void> {
    if (isCommit(revision)) return;
    const path = this.#refPath(revision);
    await mkdir(dirname(path), { recursive: true });
    const aside = `${path}.${randomUUID()}`;
    try {
      await writeFile(aside, commit);
      await rename(aside, path);
    } finally {
      await rm(aside, { force: true });
    }
  }

  #refPath(revision: string): string {
    return join(this.#root, 'refs', revision);
  }

  #readRef(revision: string): string | undefined {
    const path = this.#refPath(revision);
    const commit = existsSync(path) ? readFileSync(path, 'utf8').trim() : '';
    return isCommit(commit) ? commit : undefined;
  }
}

/** Where processes that fill the cache of a repository take turns. */
export function lockPathOf(cacheDirectory: string, name: string): string {
  return join(cacheDirectory, '.locks', folderOf(name), 'linnet.lock');
}

/**
 * Finds a repository's checkpoint in the cache, under any of its names, whoever put it there. Asks nobody, and checks
 * only that the files are there.
 *
 * @returns its folder, or undefined where some of it is missing.
 */
export function findSnapshot(cacheDirectory: string, repository: Repository): string | undefined {
  for (const name of namesOf(repository)) {
    const directory = new RepositoryCache(cacheDirectory, name).find(repository.revision);
    if (directory !== undefined) return directory;
  }
  return undefined;
}

function folderOf(name: string): string {
  return `models--${name.replaceAll('/', '--')}`;
}

function isWhole(directory: string): boolean {
  const has = (file: string) => existsSync(join(directory, file));
  if (!has('config.json')) return false;
  if (has('model.safetensors')) return true;
  return has(INDEX) && readShards(join(directory, INDEX)).every(has);
}

function readShards(path: string): readonly string[] {
  try {
    return parseShards(readFileSync(path, 'utf8'), path);
  } catch {
    // A damaged list: as good as none. A pull replaces it.
    return [INDEX.replace('.json', '')];
  }
}
