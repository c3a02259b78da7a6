import { describe, expect, it } from 'vitest';
import { type BannerFacts, isColorful, renderBanner } from '../../src/cli/banner.js';

const facts: BannerFacts = {
  version: '1.2.3',
  host: '127.0.0.1',
  httpPort: 8123,
  grpcPort: 50123,
  engineAddress: undefined,
  models: ['fable · ready', 'gpt2 · unloaded'],
};
// biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character is what it looks for.
const ESCAPE = /\u001b/;

describe('banner', () => {
  it('says version, addresses, model, docs and health', () => {
    const text = renderBanner(facts, false);
    expect(text).toContain('linnet 1.2.3');
    expect(text).toMatch(/HTTP +http:\/\/127\.0\.0\.1:8123\n/);
    expect(text).toMatch(/gRPC +127\.0\.0\.1:50123\n/);
    expect(text).toMatch(/ {2}Model +fable · ready\n {10}gpt2 · unloaded\n/);
    expect(text).toMatch(/Docs +http:\/\/127\.0\.0\.1:8123\/\n/);
    expect(text).toMatch(/Health +http:\/\/127\.0\.0\.1:8123\/health\n/);
  });

  it('has escape sequences only in colour, and otherwise the same text', () => {
    const plain = renderBanner(facts, false);
    const colorful = renderBanner(facts, true);
    expect(plain).not.toMatch(ESCAPE);
    expect(colorful).toMatch(ESCAPE);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: it takes the escape sequences out.
    const bare = colorful.replace(/\u001b\[\d+m/g, '').replace(/ +$/gm, '');
    expect(bare).toBe(plain);
  });

  it('leaves out what does not run here', () => {
    const gateway = renderBanner({ ...facts, grpcPort: undefined, engineAddress: 'engine:50051' }, false);
    expect(gateway).not.toContain('grpcurl');
    expect(gateway).toMatch(/Engine +engine:50051/);
    expect(renderBanner({ ...facts, httpPort: undefined }, false)).not.toMatch(/curl -N|health/);
  });

  it('gives addresses that can be dialled where it listens on all', () => {
    expect(renderBanner({ ...facts, host: '0.0.0.0' }, false)).toContain('http://127.0.0.1:8123/completions');
    expect(renderBanner({ ...facts, host: '::1' }, false)).toContain('http://[::1]:8123/completions');
  });

  it.each([
    ['127.0.0.1', false],
    ['::1', false],
    ['localhost', false],
    ['0.0.0.0', true],
    ['::', true],
    ['192.0.2.1', true],
  ])('warns of plaintext on %s: %s', (host, warns) => {
    expect(renderBanner({ ...facts, host }, false).includes('asks nobody')).toBe(warns);
  });
});

describe('colour', () => {
  it('is for terminals that can show it, unless NO_COLOR is set', () => {
    expect(isColorful({ isTTY: true }, {})).toBe(true);
    expect(isColorful({ isTTY: true }, { NO_COLOR: '1' })).toBe(false);
    expect(isColorful({ isTTY: true }, { TERM: 'dumb' })).toBe(false);
    expect(isColorful({}, { FORCE_COLOR: '1' })).toBe(false);
  });
});
