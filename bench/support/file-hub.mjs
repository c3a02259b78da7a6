// A process that serves one checkpoint folder in the Hub's protocol, from disk: its memory is not the puller's.
import { createHash } from 'node:crypto';
import { createReadStream, readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { answer } from './child-process.mjs';

const COMMIT = '0'.repeat(39).concat('1');
let server;
let cutAfterBytes = Number.POSITIVE_INFINITY;

answer({
  /** Serves the folder as the repository `bench/model`; returns the endpoint. */
  async start(directory) {
    const files = new Map(readdirSync(directory).map((name) => [name, describe(join(directory, name))]));
    server = createServer((request, response) => respond(files, request, response));
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${server.address().port}`;
  },
  /** Breaks the next large download once so many bytes have left. */
  cutNextAfter: (bytes) => {
    cutAfterBytes = bytes;
  },
  close: () => server?.closeAllConnections(),
});

function describe(path) {
  const { size } = statSync(path);
  const hash = createHash('sha256');
  // In one piece per file: this happens before anything is measured.
  if (size < 2 ** 31) hash.update(readFileSync(path));
  return { path, size, sha256: hash.digest('hex') };
}

function respond(files, request, response) {
  if (request.url.startsWith('/api/models/')) {
    const siblings = [...files.keys()].map((rfilename) => ({ rfilename }));
    response.end(JSON.stringify({ sha: COMMIT, siblings }));
    return;
  }
  const { path, size, sha256 } = files.get(request.url.split('/').at(-1));
  const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  response.writeHead(start > 0 ? 206 : 200, {
    'x-linked-size': size,
    'x-linked-etag': `"${sha256}"`,
    'content-length': size - start,
    ...(start > 0 && { 'content-range': `bytes ${start}-${size - 1}/${size}` }),
  });
  if (request.method === 'HEAD') {
    response.end();
    return;
  }
  const stream = createReadStream(path, { start });
  stream.on('data', () => {
    if (start + stream.bytesRead < cutAfterBytes) return;
    cutAfterBytes = Number.POSITIVE_INFINITY;
    response.destroy();
    stream.destroy();
  });
  stream.pipe(response);
}
