import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type PickableEngine, pickEngine } from '../../../src/gateway/upstream/engine-picker.js';

const ENGINES = fc.array(
  fc.record<PickableEngine>({
    address: fc.integer({ min: 1, max: 1000 }).map((host) => `10.0.0.${host}:50051`),
    standing: fc.constantFrom('ready', 'full', 'unknown', 'sick'),
    outstanding: fc.nat(200),
  }),
  { maxLength: 8 },
);
const RANKS = ['ready', 'full', 'unknown', 'sick'];

const ready = (address: string, outstanding: number): PickableEngine => ({
  ...{ address, outstanding, standing: 'ready' },
});

describe('pickEngine', () => {
  it('picks none that stands worse, or is much busier, than another', () => {
    fc.assert(
      fc.property(ENGINES, fc.option(fc.string(), { nil: undefined }), (engines, prefix) => {
        const picked = pickEngine(engines, prefix);
        if (picked === undefined) return engines.length === 0;
        const rank = Math.min(...engines.map(({ standing }) => RANKS.indexOf(standing)));
        const peers = engines.filter(({ standing }) => RANKS.indexOf(standing) === rank);
        const least = Math.min(...peers.map(({ outstanding }) => outstanding));
        const limit = prefix === undefined ? least : least * 1.25 + 2;
        return RANKS[rank] === picked.standing && picked.outstanding <= limit;
      }),
    );
  });

  it('keeps a beginning where it was, when another engine comes or goes', () => {
    const engines = ['a', 'b', 'c', 'd'].map((address) => ready(address, 0));
    const prefixes = Array.from({ length: 200 }, (_, i) => `prompt ${i}`);
    const before = prefixes.map((prefix) => pickEngine(engines, prefix)?.address);
    const counts = engines.map(({ address }) => before.filter((picked) => picked === address).length);
    expect(Math.min(...counts)).toBeGreaterThan(25);
    const left = engines.filter(({ address }) => address !== 'b');
    const after = prefixes.map((prefix) => pickEngine(left, prefix)?.address);
    const moved = prefixes.filter((_, i) => before[i] !== after[i]);
    expect(moved).toHaveLength(counts[1] ?? 0);
  });

  it('leaves the engine with the beginning for the least busy one where it is much busier', () => {
    const others = ['b', 'c'].map((address) => ready(address, 0));
    const prefixes = Array.from({ length: 50 }, (_, i) => `prompt ${i}`);
    const toA = prefixes.filter((prefix) => pickEngine([ready('a', 0), ...others], prefix)?.address === 'a');
    expect(toA.length).toBeGreaterThan(0);
    for (const prefix of toA) {
      expect(pickEngine([ready('a', 2), ...others], prefix)?.address).toBe('a');
      expect(pickEngine([ready('a', 3), ...others], prefix)?.address).not.toBe('a');
    }
  });
});
