import { describe, expect, it } from 'vitest';
import { parseGatewayConfig } from '../../src/gateway/gateway-config.js';

describe('parseGatewayConfig', () => {
  it('fills in the defaults', () => {
    expect(parseGatewayConfig({})).toMatchObject({
      host: '127.0.0.1',
      port: 8000,
      engineAddress: '127.0.0.1:50051',
      numChannels: 4,
      maxBodyBytes: 1048576,
      pingIntervalMs: 10_000,
      stallTimeoutMs: 60_000,
    });
  });

  it('names each setting that is wrong, unknown ones included', () => {
    expect(() => parseGatewayConfig({ port: 70_000, numChannels: 0 })).toThrow(/port: .*; numChannels: /);
    expect(() => parseGatewayConfig({ prot: 8000 })).toThrow(/prot/);
    expect(() => parseGatewayConfig({ pingIntervalMs: 100, stallTimeoutMs: 100 })).toThrow(
      /stallTimeoutMs: must be longer than pingIntervalMs/,
    );
  });
});
