import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../../src/cli/cli-error.js';
import { resolveSettings } from '../../../src/cli/settings/resolve-settings.js';
import { SETTING_KEYS, SETTINGS, type Settings, toEnvironment } from '../../../src/cli/settings/settings.js';

const nothing = { flags: {}, environment: {}, file: undefined };
const file = (values: Record<string, unknown>) => ({ path: 'linnet.config.json', values });

describe('settings', () => {
  it('have the documented defaults', () => {
    expect(resolveSettings(nothing).settings).toEqual({
      host: '127.0.0.1',
      httpPort: 8000,
      grpcPort: 50051,
      engineAddress: '127.0.0.1:50051',
      models: ['fable'],
      precision: 'i8',
      deterministic: false,
      lookup: false,
      cacheDirectory: 'auto',
      preload: false,
      threads: 'auto',
      kvCacheBytes: 2 ** 30,
      memoryBytes: 'auto',
      unloadAfterMs: 'never',
      maxRunningRequests: 64,
      maxWaitingRequests: 512,
      maxWaitingTokens: 131_072,
      maxWaitMs: 30_000,
      stepLimitMs: 10_000,
      drainGraceMs: 30_000,
      drainDelayMs: 0,
      httpSocket: undefined,
      grpcSocket: undefined,
      tlsCert: undefined,
      tlsKey: undefined,
      tlsClientCa: undefined,
      engineCa: undefined,
      engineCert: undefined,
      engineKey: undefined,
      apiKeys: undefined,
      metricsPort: undefined,
      maxRequestBytes: 2 ** 20,
      maxMetadataBytes: 2 ** 14,
      maxConcurrentStreams: 1000,
      maxConnectionAgeMs: undefined,
      logFormat: 'auto',
      logText: false,
      allowFaults: false,
      otlpEndpoint: undefined,
      logLevel: 'info',
    });
  });

  it('take a flag over the environment, that over the config file, and that over the default', () => {
    const flags = { httpPort: '1' };
    const environment = { LINNET_HTTP_PORT: '2', LINNET_GRPC_PORT: '2' };
    const values = { httpPort: 3, grpcPort: 3, threads: 3 };
    const { settings, origins } = resolveSettings({ flags, environment, file: file(values) });
    expect([settings.httpPort, settings.grpcPort, settings.threads]).toEqual([1, 2, 3]);
    expect([origins.httpPort, origins.grpcPort, origins.threads, origins.host]).toEqual([
      '--http-port',
      'LINNET_GRPC_PORT',
      'threads in linnet.config.json',
      'default',
    ]);
  });

  it('take an empty variable for one that is not set', () => {
    expect(resolveSettings({ ...nothing, environment: { LINNET_HOST: '' } }).origins.host).toBe('default');
  });

  it.each([
    [
      { flags: { httpPort: '65536' } },
      '--http-port must be a whole number from 0 to 65535; 0 picks a free port; got "65536".',
    ],
    [
      { environment: { LINNET_GRPC_PORT: '1.5' } },
      'LINNET_GRPC_PORT must be a whole number from 0 to 65535; 0 picks a free port; got "1.5".',
    ],
    [
      { file: file({ threads: 0 }) },
      'threads in linnet.config.json must be auto or a whole number from 1 to 256; got 0.',
    ],
    [
      { file: file({ preload: 'perhaps' }) },
      'preload in linnet.config.json must be yes or no; got "perhaps".',
    ],
    [
      { flags: { kvCacheBytes: '1KiB' } },
      '--kv-cache must be at least 1MiB, such as 512MiB or 2GiB; got "1KiB".',
    ],
    [
      { flags: { drainGraceMs: '2h' } },
      '--drain-grace must be a time from 0 to 1h, such as 500ms, 30s or 2m; got "2h".',
    ],
    [{ flags: { host: 'a b' } }, '--host must be an IP address or a host name; got "a b".'],
    [
      { flags: { httpPort: '' } },
      '--http-port must be a whole number from 0 to 65535; 0 picks a free port; got "".',
    ],
  ])('name the setting, its origin and what is allowed: %j', (sources, message) => {
    expect(() => resolveSettings({ ...nothing, ...sources })).toThrow(new UsageError(message));
  });

  it('name several models: the flag again, commas in the variable, a list in the config file', () => {
    const models = ['fable', 'tale=/models/tale', 'gpt2'];
    for (const sources of [
      { flags: { models } },
      { environment: { LINNET_MODEL: 'fable, tale=/models/tale,gpt2' } },
      { file: file({ model: models }) },
    ]) {
      expect(resolveSettings({ ...nothing, ...sources }).settings.models).toEqual(models);
    }
  });

  it('reach a child process unchanged through its environment', () => {
    const path = fc.constantFrom(undefined, '/etc/linnet/a b.pem', 'relative.pem');
    const settings = fc.record<Settings>({
      host: fc.constantFrom('127.0.0.1', '::1', 'example.org'),
      httpPort: fc.nat(65_535),
      grpcPort: fc.nat(65_535),
      engineAddress: fc.constantFrom('127.0.0.1:1', 'unix:/run/linnet.sock', 'dns:///engine:50051'),
      models: fc.array(fc.constantFrom('fable', 'tale=/models/a b', '/a,b', '[c]', 'gpt2@main'), {
        minLength: 1,
      }),
      precision: fc.constantFrom('f32', 'q8', 'i8', 'q4'),
      deterministic: fc.boolean(),
      lookup: fc.boolean(),
      logFormat: fc.constantFrom('auto', 'json'),
      cacheDirectory: fc.constantFrom('auto', '/var/cache/linnet'),
      preload: fc.boolean(),
      threads: fc.oneof(fc.constant('auto' as const), fc.integer({ min: 1, max: 256 })),
      kvCacheBytes: fc.integer({ min: 2 ** 20, max: 2 ** 50 }),
      memoryBytes: fc.oneof(fc.constant('auto' as const), fc.integer({ min: 2 ** 20, max: 2 ** 50 })),
      unloadAfterMs: fc.oneof(fc.constant('never' as const), fc.integer({ min: 1000, max: 86_400_000 })),
      maxRunningRequests: fc.integer({ min: 1, max: 100_000 }),
      maxWaitingRequests: fc.nat(100_000),
      maxWaitingTokens: fc.integer({ min: 1, max: 1_000_000_000 }),
      maxWaitMs: fc.oneof(fc.constant('never' as const), fc.integer({ min: 1, max: 86_400_000 })),
      stepLimitMs: fc.integer({ min: 1000, max: 3_600_000 }),
      drainGraceMs: fc.nat(3_600_000),
      drainDelayMs: fc.nat(3_600_000),
      httpSocket: path,
      grpcSocket: path,
      tlsCert: path,
      tlsKey: path,
      tlsClientCa: path,
      engineCa: path,
      engineCert: path,
      engineKey: path,
      apiKeys: path,
      metricsPort: fc.option(fc.nat(65_535), { nil: undefined }),
      maxRequestBytes: fc.integer({ min: 2 ** 10, max: 2 ** 26 }),
      maxMetadataBytes: fc.integer({ min: 2 ** 10, max: 2 ** 16 }),
      maxConcurrentStreams: fc.integer({ min: 1, max: 100_000 }),
      maxConnectionAgeMs: fc.option(fc.integer({ min: 1000, max: 480 * 3_600_000 }), { nil: undefined }),
      logText: fc.boolean(),
      allowFaults: fc.boolean(),
      otlpEndpoint: fc.constantFrom(undefined, 'http://localhost:4318'),
      logLevel: fc.constantFrom('debug', 'silent'),
    });
    fc.assert(
      fc.property(settings, (given) => {
        expect(resolveSettings({ ...nothing, environment: toEnvironment(given) }).settings).toEqual(given);
      }),
    );
  });

  it('are each named once, on the command line, in the environment and in the config file', () => {
    for (const field of ['name', 'flag', 'variable'] as const) {
      expect(new Set(SETTING_KEYS.map((key) => SETTINGS[key][field])).size).toBe(SETTING_KEYS.length);
    }
  });
});
