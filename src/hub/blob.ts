import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { digestOf } from './digest.js';
import type { RemoteFile } from './hub-client.js';
import { HubError } from './hub-error.js';
import { type HubAccess, requestHub } from './hub-request.js';
import { type RetryPolicy, retrying } from './retry.js';

/** How a blob is downloaded. */
export interface BlobOptions {
  readonly access: HubAccess;
  readonly retry: RetryPolicy;
  /** Told how many bytes of the file are there, what an earlier try left included. */
  readonly onBytes: (bytes: number) => void;
}

/** Progress of less than this share of a file does not count against failures, so that tries are bounded. */
const LEAST_ACHIEVEMENT = 0.01;

/**
 * Sees to it that a file's blob is there, whole, and hashes to its etag. What comes over the network is kept beside it
 * (`ETAG.linnet.incomplete`) until then, so that whatever cuts the download, the next one goes on from there.
 *
 * Bytes are written at the positions that they have in the file and checked in the file, so that two processes that
 * download the same blob at once write the same bytes.
 *
 * @throws HubError where the file can't be had, or is not what its etag says.
 */
export async function ensureBlob(path: string, remote: RemoteFile, options: BlobOptions): Promise<void> {
  if (await isIntact(path, remote)) {
    options.onBytes(remote.size);
    return;
  }
  await mkdir(dirname(path), { recursive: true });
  const partial = partialOf(path);
  const wasCut = await download(partial, remote, options);
  if (!(await isIntact(partial, remote)) && wasCut) {
    // What the earlier try left may have been damaged since: once more, from the start.
    await rm(partial, { force: true });
    await download(partial, remote, options);
  }
  if (await isIntact(partial, remote)) return rename(partial, path);
  await rm(partial, { force: true });
  throw new HubError(
    `${remote.url}: what the server sent is not the file: its ${remote.etag.length === 64 ? 'SHA-256' : 'git id'} is not ${remote.etag}. Nothing of it was kept: pull again.`,
  );
}

/** How much of a file has yet to be downloaded; what is there has not been checked. */
export async function missingBytes(path: string, { size }: RemoteFile): Promise<number> {
  const sizes = await Promise.all(
    [path, partialOf(path)].map(async (file) => (await stat(file).catch(() => undefined))?.size ?? 0),
  );
  return Math.max(0, size - Math.max(...sizes));
}

function partialOf(path: string): string {
  return `${path}.linnet.incomplete`;
}

/** Tells whether a file is there, as long as it should be, and hashes to its etag. */
async function isIntact(path: string, { size, etag }: RemoteFile): Promise<boolean> {
  const file = await open(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  try {
    return (
      file !== undefined && (await file.stat()).size === size && (await digestOf(file, size, etag)) === etag
    );
  } finally {
    await file?.close();
  }
}

/** Downloads what is missing. Returns whether something was there before. */
async function download(partial: string, remote: RemoteFile, options: BlobOptions): Promise<boolean> {
  const file = await open(partial, constants.O_RDWR | constants.O_CREAT);
  try {
    const { size: found } = await file.stat();
    if (found > remote.size) await file.truncate(0);
    const start = found > remote.size ? 0 : found;
    let done = start;
    const onPosition = (position: number) => {
      done = position;
    };
    await retrying(async (achieved) => {
      const before = done;
      try {
        if (done < remote.size) await receive(file, done, { remote, ...options, onPosition });
      } finally {
        if (done - before >= remote.size * LEAST_ACHIEVEMENT) achieved();
      }
    }, options.retry);
    options.onBytes(remote.size);
    await file.sync();
    return start > 0;
  } finally {
    await file.close();
  }
}

interface Reception extends BlobOptions {
  readonly remote: RemoteFile;
  /** Told up to where the file is there. */
  readonly onPosition: (position: number) => void;
}

/** Makes one request for the file from a position on, and writes what comes. */
async function receive(file: FileHandle, from: number, reception: Reception): Promise<void> {
  const { remote, access, retry, onBytes, onPosition } = reception;
  const { url, size } = remote;
  const headers: Record<string, string> = from > 0 ? { range: `bytes=${from}-` } : {};
  const response = await requestHub(access, {
    url,
    method: 'GET',
    headers,
    redirects: 'all',
    signal: retry.signal,
  });
  // A server that knows no ranges sends all of it.
  let position = response.status === 206 ? from : 0;
  const range = response.headers.get('content-range');
  try {
    if (response.status === 206 && range !== `bytes ${from}-${size - 1}/${size}`)
      throw new HubError(
        `${url}: asked for the file from byte ${from} on, the server sends "${range}". Is HF_ENDPOINT right?`,
      );
    for await (const bytes of response.body()) {
      if (position + bytes.length > size)
        throw new HubError(
          `${url}: the server sends more than the ${size} bytes of the file. Is HF_ENDPOINT right?`,
        );
      await file.write(bytes, 0, bytes.length, position);
      position += bytes.length;
      onPosition(position);
      onBytes(position);
    }
  } finally {
    response.cancel();
  }
  if (position < size) {
    throw new HubError(`${url}: the connection ended after ${position} of ${size} bytes.`, {
      transient: true,
    });
  }
}
