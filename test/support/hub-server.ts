import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A repository on the test's Hub. */
export interface HubRepository {
  /** 40 hex digits. */
  commit: string;
  readonly files: Map<string, Buffer>;
  /** The token that may read it; undefined where everybody may. */
  readonly token?: string;
  /** Whether nobody has accepted its conditions. */
  readonly gated?: boolean;
  /** The id that it has now. */
  readonly movedTo?: string;
}

/** What a request for a file's bytes may meet. */
export type Fault =
  | { readonly type: 'status'; readonly status: number; readonly headers?: Record<string, string> }
  /** The connection breaks after so many bytes of the body. */
  | { readonly type: 'cut'; readonly bytes: number }
  /** After so many bytes nothing more comes. */
  | { readonly type: 'silence'; readonly bytes: number }
  /** One bit of the body is another. */
  | { readonly type: 'flip' }
  /** A body longer than the file. */
  | { readonly type: 'overrun' }
  /** The server knows no ranges. */
  | { readonly type: 'whole' };

/** One request, as the server saw it. */
export interface SeenRequest {
  readonly host: 'hub' | 'storage';
  readonly method: string;
  readonly path: string;
  readonly range: string | undefined;
  readonly authorization: string | undefined;
  /** Bytes of the body that were sent. */
  sentBytes: number;
}

/** Files of this size and more are stored elsewhere, as with git's large file storage. */
const LARGE_BYTES = 10_000;

/** A server that speaks the Hub's protocol, and a second one, on another origin, that stores the large files. */
export class HubServer {
  readonly repositories = new Map<string, HubRepository>();
  readonly requests: SeenRequest[] = [];
  /** Decides what goes wrong with a request; undefined for nothing. */
  fault: (request: SeenRequest) => Fault | undefined = () => undefined;
  #hub: Server | undefined;
  #storage: Server | undefined;
  #silent: ServerResponse[] = [];
  #endpoint = '';

  /** Where it listens, or did. */
  get endpoint(): string {
    return this.#endpoint;
  }

  async start(): Promise<this> {
    this.#hub = await listen((request, response) => this.#onHub(request, response));
    this.#storage = await listen((request, response) => this.#onStorage(request, response));
    this.#endpoint = originOf(this.#hub);
    return this;
  }

  async close(): Promise<void> {
    for (const response of this.#silent) response.destroy();
    for (const server of [this.#hub, this.#storage]) {
      server?.closeAllConnections();
      await new Promise((resolve) => server?.close(resolve));
    }
  }

  /** Adds a repository with one commit. */
  add(
    id: string,
    files: Record<string, Buffer | string>,
    options: Partial<HubRepository> = {},
  ): HubRepository {
    const buffers = Object.entries(files).map(([path, data]) => [path, Buffer.from(data)] as const);
    const commit = createHash('sha1').update(id).digest('hex');
    const repository = { commit, files: new Map(buffers), ...options };
    this.repositories.set(id, repository);
    return repository;
  }

  /** The requests for a file's bytes. */
  downloads(path?: string): SeenRequest[] {
    return this.requests.filter(
      (seen) =>
        seen.method === 'GET' &&
        !seen.path.startsWith('/api/models') &&
        (path === undefined || seen.path.endsWith(path)),
    );
  }

  #see(host: SeenRequest['host'], request: IncomingMessage): SeenRequest {
    const { method = '', url = '', headers } = request;
    const { range, authorization } = headers;
    const seen = { host, method, path: url, range, authorization, sentBytes: 0 };
    this.requests.push(seen);
    return seen;
  }

  #onHub(request: IncomingMessage, response: ServerResponse): void {
    const seen = this.#see('hub', request);
    const api = /^\/api\/models\/([^/]+\/[^/]+)\/revision\/(.+)$/.exec(seen.path);
    const file = /^\/([^/]+\/[^/]+)\/resolve\/([^/]+)\/(.+)$/.exec(seen.path);
    const [, id = '', revision = '', path = ''] = api ?? file ?? [];
    const repository = this.#admit(id, seen, response);
    if (repository === undefined) return;
    if (repository.movedTo !== undefined) {
      response.writeHead(307, { location: seen.path.replace(id, repository.movedTo) }).end();
      return;
    }
    const isKnown = ['main', 'refs/pr/1', repository.commit].includes(decodeURIComponent(revision));
    if (!isKnown) {
      refuse(response, 404, 'RevisionNotFound', `Invalid rev id: ${revision}`);
    } else if (api !== null) {
      const siblings = [...repository.files.keys()].map((rfilename) => ({ rfilename }));
      const body = JSON.stringify({ id, sha: repository.commit, siblings });
      const fault = this.fault(seen);
      if (fault?.type === 'status') response.writeHead(fault.status, fault.headers).end();
      else response.writeHead(200, { 'content-type': 'application/json' }).end(body);
    } else this.#onFile(seen, response, { repository, path });
  }

  /** Gives the repository to a caller who may read it; refuses the others as the Hub does. */
  #admit(id: string, seen: SeenRequest, response: ServerResponse): HubRepository | undefined {
    const repository = this.repositories.get(id);
    const token = seen.authorization?.replace('Bearer ', '');
    if (repository === undefined || (repository.token !== undefined && repository.token !== token)) {
      // To an anonymous caller a repository that is private and one that does not exist look alike.
      if (token === undefined) refuse(response, 401, undefined, 'Invalid username or password.');
      else refuse(response, 404, 'RepoNotFound', 'Repository not found');
      return undefined;
    }
    if (!repository.gated) return repository;
    refuse(response, 403, 'GatedRepo', 'Access to model is restricted.');
    return undefined;
  }

  #onFile(
    seen: SeenRequest,
    response: ServerResponse,
    { repository, path }: { readonly repository: HubRepository; readonly path: string },
  ): void {
    const data = repository.files.get(path);
    if (data === undefined) {
      refuse(response, 404, 'EntryNotFound', 'Entry not found');
      return;
    }
    const headers = { 'x-repo-commit': repository.commit, 'accept-ranges': 'bytes' };
    if (data.length >= LARGE_BYTES) {
      const sha256 = createHash('sha256').update(data).digest('hex');
      const location = `${originOf(this.#storage)}/${sha256}?signature=1`;
      const linked = { 'x-linked-size': data.length, 'x-linked-etag': `"${sha256}"` };
      response.writeHead(302, { ...headers, ...linked, etag: '"of-the-pointer"', location }).end();
      return;
    }
    const blobId = createHash('sha1').update(`blob ${data.length}\0`).update(data).digest('hex');
    this.#send(seen, response, { data, headers: { ...headers, etag: `"${blobId}"` } });
  }

  #onStorage(request: IncomingMessage, response: ServerResponse): void {
    const seen = this.#see('storage', request);
    const sha256 = seen.path.slice(1, 65);
    const stored = [...this.repositories.values()].flatMap(({ files }) => [...files.values()]);
    const data = stored.find((file) => createHash('sha256').update(file).digest('hex') === sha256);
    if (data === undefined) response.writeHead(404).end();
    else this.#send(seen, response, { data, headers: { etag: '"of-the-storage"' } });
  }

  #send(
    seen: SeenRequest,
    response: ServerResponse,
    { data, headers }: { readonly data: Buffer; readonly headers: Record<string, string> },
  ): void {
    const fault = seen.method === 'GET' ? this.fault(seen) : undefined;
    if (fault?.type === 'status') {
      response.writeHead(fault.status, fault.headers).end();
      return;
    }
    const start = fault?.type === 'whole' ? 0 : Number(/^bytes=(\d+)-$/.exec(seen.range ?? '')?.[1] ?? 0);
    if (start > 0) {
      const range = `bytes ${start}-${data.length - 1}/${data.length}`;
      response.writeHead(206, { ...headers, 'content-range': range, 'content-length': data.length - start });
    } else if (fault?.type === 'overrun') response.writeHead(200, headers);
    else response.writeHead(200, { ...headers, 'content-length': data.length });
    if (seen.method === 'HEAD') {
      response.end();
      return;
    }
    this.#sendBody(seen, response, { body: bodyOf(data.subarray(start), fault), fault });
  }

  #sendBody(
    seen: SeenRequest,
    response: ServerResponse,
    { body, fault }: { readonly body: Buffer; readonly fault: Fault | undefined },
  ): void {
    const isBroken = (fault?.type === 'cut' || fault?.type === 'silence') && fault.bytes < body.length;
    seen.sentBytes = isBroken ? fault.bytes : body.length;
    if (!isBroken) {
      response.end(body);
      return;
    }
    response.flushHeaders();
    // Once the bytes are on their way: nothing that was written before a break is lost.
    response.write(body.subarray(0, fault.bytes), () => {
      if (fault.type === 'cut') response.socket?.end();
      else this.#silent.push(response);
    });
  }
}

function bodyOf(data: Buffer, fault: Fault | undefined): Buffer {
  if (fault?.type === 'overrun') return Buffer.concat([data, data]);
  if (fault?.type !== 'flip') return data;
  const flipped = Buffer.from(data);
  flipped[flipped.length >> 1]! ^= 1;
  return flipped;
}

function refuse(response: ServerResponse, status: number, code: string | undefined, message: string): void {
  response.writeHead(status, { ...(code && { 'x-error-code': code }), 'x-error-message': message }).end();
}

async function listen(
  handler: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<Server> {
  const server = createServer(handler);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

function originOf(server: Server | undefined): string {
  const address = server?.address() as AddressInfo | null | undefined;
  return `http://127.0.0.1:${address?.port}`;
}
