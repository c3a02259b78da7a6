import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  formatByteSize,
  formatDuration,
  parseByteSize,
  parseDuration,
} from '../../../src/cli/settings/quantity.js';

describe('byte size', () => {
  it.each([
    ['1GiB', 2 ** 30],
    ['512 MiB', 512 * 2 ** 20],
    ['1.5gb', 1.5e9],
    ['4096', 4096],
    [' 2KiB ', 2048],
  ])('reads %j as %d bytes', (text, bytes) => {
    expect(parseByteSize(text)).toBe(bytes);
  });

  it.each(['', 'GiB', '-1GiB', '1 GiB of it', '1TiB', '1e9', '99999999999GiB'])('refuses %j', (text) => {
    expect(parseByteSize(text)).toBeUndefined();
  });

  it('reads back what it writes', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (bytes) => {
        expect(parseByteSize(formatByteSize(bytes))).toBe(bytes);
      }),
    );
  });
});

describe('duration', () => {
  it.each([
    ['30s', 30_000],
    ['30', 30_000],
    ['250ms', 250],
    ['1.5m', 90_000],
    ['0', 0],
  ])('reads %j as %d ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each(['', 'soon', '-1s', '1d'])('refuses %j', (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });

  it('reads back what it writes', () => {
    fc.assert(
      fc.property(fc.nat(), (ms) => {
        expect(parseDuration(formatDuration(ms))).toBe(ms);
      }),
    );
  });
});
