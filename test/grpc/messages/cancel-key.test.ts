import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { parseCancelKey } from '../../../src/grpc/messages/cancel-key.js';

describe('parseCancelKey', () => {
  it.each([randomUUID(), 'a'.repeat(16), 'Z_9.-'.repeat(25)])('accepts %s', (key) => {
    expect(parseCancelKey(key)).toBe(key);
  });

  it.each(['', 'a'.repeat(15), 'a'.repeat(129), `${randomUUID()}\n`, 'sixteen letters é'])(
    'refuses %o',
    (key) => {
      expect(() => parseCancelKey(key)).toThrow('`cancel_key` must be 16 to 128 characters');
    },
  );

  it('does not repeat the key in the error', () => {
    expect(() => parseCancelKey('secret')).not.toThrow('secret');
  });
});
