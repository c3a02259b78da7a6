import { z } from 'zod';
import { HubError } from './hub-error.js';
import { type HubAccess, requestHub } from './hub-request.js';
import type { Repository } from './repository.js';

/** What a repository is at one commit. */
export interface RevisionInfo {
  /** 40 hex digits. */
  readonly commit: string;
  /** The paths of all files. */
  readonly files: readonly string[];
}

/** A file at a commit, before it is downloaded. */
export interface RemoteFile {
  readonly path: string;
  readonly url: string;
  /** In bytes. */
  readonly size: number;
  /** SHA-256 of a large file, git's blob id of a small one: 64 or 40 hex digits. The cache names blobs by it. */
  readonly etag: string;
}

const MAX_ANSWER_BYTES = 16 * 2 ** 20;

const revisionSchema = z.object({
  sha: z.string().regex(/^[0-9a-f]{40}$/),
  siblings: z.array(z.object({ rfilename: z.string() })),
});

/**
 * Asks which commit a revision is, and which files it has.
 *
 * @throws HubError where there is no such repository or revision, or the caller may not read it.
 */
export async function getRevision(
  access: HubAccess,
  { id, revision }: Repository,
  signal: AbortSignal,
): Promise<RevisionInfo> {
  const url = `${access.endpoint}/api/models/${id}/revision/${encodeURIComponent(revision)}`;
  const response = await requestHub(access, { url, method: 'GET', redirects: 'same-origin', signal });
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of response.body()) {
    length += part.length;
    if (length > MAX_ANSWER_BYTES) throw notTheHub(url);
    parts.push(part);
  }
  const parsed = revisionSchema.safeParse(parseJson(Buffer.concat(parts).toString('utf8')));
  if (!parsed.success) throw notTheHub(url);
  const { sha, siblings } = parsed.data;
  return { commit: sha, files: siblings.map(({ rfilename }) => rfilename) };
}

/**
 * Asks for a file's size and digest.
 *
 * @throws HubError where the server names none, so that what it sends could not be checked.
 */
export async function describeFile(
  access: HubAccess,
  { id, commit, path }: { readonly id: string; readonly commit: string; readonly path: string },
  signal: AbortSignal,
): Promise<RemoteFile> {
  const url = `${access.endpoint}/${id}/resolve/${commit}/${path}`;
  // A large file's own headers are on the redirect to where it is stored.
  const response = await requestHub(access, { url, method: 'HEAD', redirects: 'same-origin', signal });
  response.cancel();
  const { headers } = response;
  const isRedirect = response.status >= 300;
  const etag = (headers.get('x-linked-etag') ?? headers.get('etag') ?? '').replace(/^(?:W\/)?"?|"$/g, '');
  const length = headers.get('x-linked-size') ?? (isRedirect ? null : headers.get('content-length'));
  if (length === null || !/^\d{1,15}$/.test(length))
    throw new HubError(`${url}: the server names no size. Is HF_ENDPOINT right?`);
  if (!/^(?:[0-9a-f]{64}|[0-9a-f]{40})$/.test(etag)) {
    throw new HubError(
      `${url}: the server names no digest to check the file by; its etag is "${etag}". Is HF_ENDPOINT right?`,
    );
  }
  return { path, url, size: Number(length), etag };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function notTheHub(url: string): HubError {
  return new HubError(`${url} does not answer as the Hugging Face Hub does. Is HF_ENDPOINT right?`);
}
