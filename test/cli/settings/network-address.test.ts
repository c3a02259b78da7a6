import { describe, expect, it } from 'vitest';
import { isGrpcAddress } from '../../../src/cli/settings/network-address.js';

describe('the address of a gRPC service', () => {
  it.each([
    ...['localhost:50051', '127.0.0.1:1', '[::1]:50051', 'engine-0.engines.svc:50051', 'ipv4:10.0.0.1:50051'],
    ...['unix:/run/linnet.sock', 'unix:linnet.sock', 'dns:///engine:50051', 'dns://10.0.0.2/engine:50051'],
  ])('can be %s', (address) => {
    expect(isGrpcAddress(address)).toBe(true);
  });

  it.each([
    ...['http://127.0.0.1:50051', 'grpc://engine:50051', 'engine', 'engine:', 'engine:port', ':50051', ''],
    ...['a b:1', '::1:50051', 'dns:///engine', 'unix:'],
  ])('can not be %j', (address) => {
    expect(isGrpcAddress(address)).toBe(false);
  });
});
