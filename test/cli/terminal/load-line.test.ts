import { describe, expect, it } from 'vitest';
import type { EngineLoad } from '../../../src/cli/processes/engine-load.js';
import { renderLoad } from '../../../src/cli/terminal/load-line.js';

const MIB = 2 ** 20;
const busy: EngineLoad = {
  ...{ runningRequests: 3, waitingRequests: 2, kvCacheUsedBytes: MIB, kvCacheLimitBytes: 1024 * MIB },
  ...{ generatedTokens: 500, isLoading: false },
};

describe('load line', () => {
  it('tells what runs and waits, the rate since the last reading, and the share of the KV cache', () => {
    const before = { load: { ...busy, generatedTokens: 100 }, atMs: 1000 };
    expect(renderLoad({ load: busy, atMs: 3000 }, before)).toBe(
      '  3 running · 2 waiting · 200 tokens/s · KV cache 1 %',
    );
  });

  it('tells a low rate with its fraction', () => {
    const before = { load: { ...busy, generatedTokens: 499 }, atMs: 1000 };
    expect(renderLoad({ load: busy, atMs: 3000 }, before)).toContain(' 0.5 tokens/s ');
  });

  it('has no rate at first, nor after the engine was started again, and no cache without a model', () => {
    const idle = { ...busy, kvCacheUsedBytes: 0, kvCacheLimitBytes: 0 };
    expect(renderLoad({ load: idle, atMs: 1 }, undefined)).toBe('  3 running · 2 waiting · 0 tokens/s');
    const before = { load: { ...idle, generatedTokens: 900 }, atMs: 0 };
    expect(renderLoad({ load: idle, atMs: 1 }, before)).toContain(' 0 tokens/s');
  });
});
