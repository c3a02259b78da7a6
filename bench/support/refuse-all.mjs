// The cheapest server that refuses: what a load costs its generator and Node's HTTP, whatever is behind. Prints its URL.
import { createServer } from 'node:http';

const body = JSON.stringify({ error: { message: 'No.', type: 'rate_limit_error', code: 'queue_full' } });
const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };

const server = createServer((request, response) => {
  request.resume().on('end', () => response.writeHead(429, headers).end(body));
});
server.listen(0, '127.0.0.1', () => {
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  console.log(`http://127.0.0.1:${port}`);
});
