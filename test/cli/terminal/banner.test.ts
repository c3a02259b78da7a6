import { describe, expect, it } from 'vitest';
import { type BannerFacts, isColorful, renderBanner } from '../../../src/cli/terminal/banner.js';

const facts: BannerFacts = {
  version: '1.2.3',
  httpUrl: 'http://127.0.0.1:8123',
  grpcTarget: '127.0.0.1:50123',
  engineAddress: undefined,
  models: ['fable · ready', 'gpt2 · unloaded'],
  access: 'this machine only, in plaintext',
  speaksTls: false,
  needsKey: false,
  warning: undefined,
};
// biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character is what it looks for.
const ESCAPE = /\u001b/;

describe('banner', () => {
  it('says version, addresses, access, model, page, docs and health', () => {
    const text = renderBanner(facts, false);
    expect(text).toContain('linnet 1.2.3');
    expect(text).toMatch(/HTTP +http:\/\/127\.0\.0\.1:8123\n/);
    expect(text).toMatch(/gRPC +127\.0\.0\.1:50123\n/);
    expect(text).toMatch(/Access +this machine only, in plaintext\n/);
    expect(text).toMatch(/ {2}Model +fable · ready\n {10}gpt2 · unloaded\n/);
    expect(text).toMatch(/Page +http:\/\/127\.0\.0\.1:8123\/\n/);
    expect(text).toMatch(/Docs +http:\/\/127\.0\.0\.1:8123\/docs\n/);
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
    const gateway = renderBanner({ ...facts, grpcTarget: undefined, engineAddress: 'engine:50051' }, false);
    expect(gateway).not.toContain('grpcurl');
    expect(gateway).toMatch(/Engine +engine:50051/);
    expect(renderBanner({ ...facts, httpUrl: undefined }, false)).not.toMatch(/curl -N|health/);
  });

  it('shows commands that ask as the service wants to be asked', () => {
    const secured = { ...facts, httpUrl: 'https://127.0.0.1:8123', speaksTls: true, needsKey: true };
    const text = renderBanner(secured, false);
    expect(text).toMatch(
      /curl -N https:\/\/127\.0\.0\.1:8123\/completions -H "Authorization: Bearer \$LINNET_API_KEY"/,
    );
    expect(text).toMatch(/grpcurl -H "authorization: Bearer \$LINNET_API_KEY" -d .* 127\.0\.0\.1:50123 /);
    const sockets = renderBanner({ ...facts, httpUrl: 'unix:/run/h', grpcTarget: 'unix:/run/g' }, false);
    expect(sockets).toContain('curl -N --unix-socket /run/h http://localhost/completions -H');
    expect(sockets).toMatch(/grpcurl -plaintext -d .* -unix \/run\/g /);
  });

  it('passes a warning on', () => {
    expect(renderBanner({ ...facts, warning: 'Whoever can reach it.' }, false)).toContain(
      'Whoever can reach it.',
    );
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
