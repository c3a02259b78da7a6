// A process with a gateway, as `linnet gateway` is one.
import { pino } from 'pino';
import { parseGatewayConfig } from '../../dist/gateway/gateway-config.js';
import { createGateway } from '../../dist/gateway/server.js';
import { answer } from './child-process.mjs';

let gateway;

answer({
  async listen(engineAddress) {
    const config = parseGatewayConfig({ port: 0, engineAddress });
    gateway = createGateway(config, { logger: pino({}, { write() {} }), version: '0.0.0-bench' });
    const { port } = await gateway.listen();
    return port;
  },
  /** CPU time of the process so far, in microseconds. */
  cpuMicros() {
    const { user, system } = process.cpuUsage();
    return user + system;
  },
  residentBytes: () => process.memoryUsage.rss(),
  close: () => gateway?.close(),
});
