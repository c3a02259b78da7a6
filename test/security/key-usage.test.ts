import { describe, expect, it } from 'vitest';
import { AccessError } from '../../src/security/access-error.js';
import type { KeyLimits } from '../../src/security/api-key.js';
import { KeyUsage } from '../../src/security/key-usage.js';

function refusalOf(usage: KeyUsage, limits: KeyLimits) {
  try {
    usage.admit({ id: 'alice', limits });
  } catch (error) {
    if (error instanceof AccessError) return error.status;
  }
  throw new Error('It was admitted.');
}

describe('KeyUsage', () => {
  it('refuses more requests a minute than the key has, and says when to come back', () => {
    let nowMs = 0;
    const usage = new KeyUsage(() => nowMs);
    const limits = { requestsPerMinute: 2 };
    usage.admit({ id: 'alice', limits }).release();
    usage.admit({ id: 'alice', limits }).release();
    expect(refusalOf(usage, limits)).toEqual({
      reason: 'RATE_LIMIT_EXCEEDED',
      message: 'The API key "alice" is at its limit of 2 requests a minute.',
      metadata: { key: 'alice', limit: '2', limit_of: 'requests a minute' },
      quotaSubject: 'key:alice',
      retryAfterMs: 30_000,
    });
    nowMs = 30_000;
    usage.admit({ id: 'alice', limits }).release();
    expect(refusalOf(usage, limits).retryAfterMs).toBe(30_000);
  });

  it('counts a refused request for nothing', () => {
    let nowMs = 0;
    const usage = new KeyUsage(() => nowMs);
    const limits = { requestsPerMinute: 1 };
    usage.admit({ id: 'alice', limits });
    for (let i = 0; i < 50; i++) refusalOf(usage, limits);
    nowMs = 60_000;
    usage.admit({ id: 'alice', limits });
  });

  it('refuses more requests at a time than the key has, until one is released', () => {
    const usage = new KeyUsage();
    const limits = { concurrentRequests: 2 };
    const first = usage.admit({ id: 'alice', limits });
    usage.admit({ id: 'alice', limits });
    expect(refusalOf(usage, limits)).toMatchObject({ retryAfterMs: 1000, metadata: { limit: '2' } });
    first.release();
    first.release();
    usage.admit({ id: 'alice', limits });
    refusalOf(usage, limits);
  });

  it('lets a request use more tokens than are left, and the next ones wait for it', () => {
    let nowMs = 0;
    const usage = new KeyUsage(() => nowMs);
    const limits = { tokensPerMinute: 600 };
    const one = usage.admit({ id: 'alice', limits });
    one.charge(500);
    usage.admit({ id: 'alice', limits });
    one.charge(300);
    expect(refusalOf(usage, limits).retryAfterMs).toBe(20_100);
    nowMs = 20_100;
    usage.admit({ id: 'alice', limits });
  });

  it('knows each key by itself, and limits none that has no limits', () => {
    const usage = new KeyUsage();
    usage.admit({ id: 'alice', limits: { requestsPerMinute: 1 } });
    usage.admit({ id: 'bob', limits: { requestsPerMinute: 1 } });
    for (let i = 0; i < 1000; i++) usage.admit({ id: 'carol', limits: {} }).charge(1000);
  });

  it('follows limits that change while it runs', () => {
    const usage = new KeyUsage(() => 0);
    usage.admit({ id: 'alice', limits: { requestsPerMinute: 1 } });
    refusalOf(usage, { requestsPerMinute: 1 });
    usage.admit({ id: 'alice', limits: { requestsPerMinute: 2 } });
  });
});
