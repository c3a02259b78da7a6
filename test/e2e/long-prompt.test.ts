import { setMaxListeners } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Engine } from '../../src/engine/index.js';
import { CHUNK_SIZES } from '../../src/engine/kv-cache/chunk-sizes.js';
import { CheckpointCopy } from '../support/checkpoint-copy.js';
import { createTestEngine, requestFor } from '../support/engine-under-test.js';

let checkpoint: CheckpointCopy;
let engine: Engine;
beforeAll(async () => {
  checkpoint = new CheckpointCopy().lengthen(4);
  engine = createTestEngine({ models: [{ id: 'long', directory: checkpoint.directory }] });
  await engine.load();
});
afterAll(async () => {
  await engine.close();
  checkpoint.remove();
});

describe('Long prompts that arrive while streams run', () => {
  it.each([1, 2, 4])(
    'let every stream have a token between any two chunks of %d of them',
    async (numNewcomers) => {
      const numLongChunks = 6;
      const end = new AbortController();
      setMaxListeners(0, end.signal);
      // How many tokens each stream has got; what the engine says comes step by step, in order.
      const counts = Array<number>(8).fill(0);
      let haveAllBegun = () => {};
      const begun = new Promise<void>((resolve) => {
        haveAllBegun = resolve;
      });
      const streams = counts.map(async (_, index) => {
        const request = requestFor(`Stream ${index}`, { maxTokens: 900 });
        for await (const event of engine.generate(request, end.signal)) {
          if (event.type !== 'delta') continue;
          counts[index]! += event.tokenIds.length;
          if (counts.every((count) => count > 0)) haveAllBegun();
        }
      });
      for (const stream of streams) stream.catch(() => {});
      await begun;

      let countsAtStart: readonly number[] | undefined;
      let countsAtEnd: readonly number[] = [];
      const newcomers = Array.from({ length: numNewcomers }, async (_, newcomer) => {
        // No two begin alike: nothing of them is cached.
        const prompt = Array.from(
          { length: numLongChunks * CHUNK_SIZES.long },
          (_, position) => (numNewcomers * 1000 + newcomer * 7919 + position * 104_729) % 50_000,
        );
        for await (const event of engine.generate(requestFor(prompt, { maxTokens: 1 }), end.signal)) {
          if (event.type === 'accepted') {
            expect(event.cachedTokens).toBe(0);
            countsAtStart ??= [...counts];
          } else if (event.type === 'delta') countsAtEnd = [...counts];
        }
      });
      await Promise.all(newcomers);
      end.abort();
      await Promise.allSettled(streams);

      const tokensMeanwhile = countsAtEnd.map((count, index) => count - (countsAtStart?.[index] ?? 0));
      // No more than a long chunk is computed between two tokens; the first one of a prompt is two short ones.
      const numGaps = numNewcomers * numLongChunks - 1;
      expect(Math.min(...tokensMeanwhile)).toBeGreaterThanOrEqual(numGaps);
      // Nor do the newcomers wait longer than they must: every round of tokens has its chunk.
      expect(Math.max(...tokensMeanwhile)).toBeLessThanOrEqual(numGaps + numNewcomers + 2);
    },
  );
});
