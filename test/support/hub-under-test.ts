import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type PulledCheckpoint, type PullOptions, pull } from '../../src/hub/pull.js';
import { parseRepository } from '../../src/hub/repository.js';
import { type HubRepository, HubServer } from './hub-server.js';

/** A Hub with one repository, and an empty cache. */
export class HubUnderTest {
  readonly server: HubServer;
  readonly cache = mkdtempSync(join(tmpdir(), 'linnet-hub-'));

  /** @param server - another cache's Hub, to share. */
  constructor(server = new HubServer()) {
    this.server = server;
  }

  async close(): Promise<void> {
    await this.server.close();
    this.remove();
  }

  /** Removes the cache. */
  remove(): void {
    rmSync(this.cache, { recursive: true });
  }

  /** Pulls a repository, with short waits. */
  pull(name: string, options: Partial<PullOptions> = {}): Promise<PulledCheckpoint> {
    const repository = parseRepository(name);
    if (repository === undefined) throw new Error(`${name} is no repository's name.`);
    return pull(repository, this.options(options));
  }

  options(options: Partial<PullOptions> = {}): PullOptions {
    return {
      endpoint: this.server.endpoint,
      cacheDirectory: this.cache,
      token: undefined,
      offline: false,
      userAgent: 'linnet/test',
      signal: new AbortController().signal,
      onProgress: () => {},
      onResume: () => {},
      onWait: () => {},
      checkConfig: () => {},
      silenceLimitMs: 2000,
      maxTries: 3,
      retryDelayMs: 1,
      ...options,
    };
  }

  /** The folder of a repository in the cache. */
  folder(id: string): string {
    return join(this.cache, `models--${id.replace('/', '--')}`);
  }

  /** What the cache shows of a repository: the names in its snapshots, and its refs. Nothing but links to blobs. */
  visible(id: string): string[] {
    const snapshots = join(this.folder(id), 'snapshots');
    const commits = existsSync(snapshots) ? readdirSync(snapshots) : [];
    const links = commits.flatMap((commit) =>
      readdirSync(join(snapshots, commit)).map((file) => join(commit, file)),
    );
    for (const link of links) readlinkSync(join(snapshots, link));
    return links;
  }

  /** What of a repository's blobs is not yet one. */
  leftovers(id: string): string[] {
    const blobs = join(this.folder(id), 'blobs');
    return (existsSync(blobs) ? readdirSync(blobs) : []).filter((name) => !/^[0-9a-f]+$/.test(name));
  }

  /** Checks that a snapshot is the repository's files, byte for byte, each a relative link to a blob named by its digest. */
  mismatches({ directory }: PulledCheckpoint, { files }: HubRepository): string[] {
    return readdirSync(directory).filter((name) => {
      const target = readlinkSync(join(directory, name));
      const data = readFileSync(join(directory, name));
      const digests = [
        createHash('sha256').update(data).digest('hex'),
        createHash('sha1').update(`blob ${data.length}\0`).update(data).digest('hex'),
      ];
      return !(files.get(name)?.equals(data) && digests.some((digest) => target === `../../blobs/${digest}`));
    });
  }
}

/** Bytes that look random and repeat. */
export function noise(length: number, seed: string): Buffer {
  const parts = Array.from({ length: Math.ceil(length / 32) }, (_, i) =>
    createHash('sha256').update(`${seed}${i}`).digest(),
  );
  return Buffer.concat(parts).subarray(0, length);
}
