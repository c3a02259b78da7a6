import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { capacitiesFor } from '../../dist/engine/kv-cache/slot-table.js';
import { ModelRunner } from '../../dist/engine/model/model-runner.js';
import { toTokens } from '../../dist/engine/text/text-tokens.js';
import { createTokenizer } from '../../dist/engine/text/tokenizer.js';
import { openModelSession } from './model-session.mjs';
import { createXorshift } from './prompts.mjs';
import { sequenceOf } from './sequence.mjs';

const TEXT = 'test/fixtures/held-out.txt';

/** What a model says of the tokens of a text: the row of logits after each of the first `count` ones. */
export async function modelRows(directory, count) {
  const cacheDirectory = mkdtempSync(join(tmpdir(), 'linnet-logit-rows-'));
  try {
    const session = await openModelSession({ directory, cacheDirectory, precision: 'f32', numThreads: 2 });
    return await readRows(session, count);
  } finally {
    rmSync(cacheDirectory, { recursive: true });
  }
}

async function readRows(session, count) {
  const { vocabSize, contextLength } = session.config;
  const capacities = capacitiesFor(contextLength);
  const capacity = capacities.at(-1);
  const runner = new ModelRunner({
    ...session,
    capacities,
    maxPositions: capacity,
  });
  const tokens = toTokens(readFileSync(TEXT, 'utf8'), await createTokenizer());
  const sequence = sequenceOf(tokens.slice(0, count).map(({ id }) => id));
  const firstSlot = { classIndex: capacities.length - 1, index: 0 };
  const batch = { sequences: [sequence], firstSlot, capacity, numNewTokens: count };
  const { logits } = await runner.run({ batches: [batch], moves: [] }, [...Array(count).keys()]);
  const rows = Array.from({ length: count }, (_, row) =>
    logits.slice(row * vocabSize, (row + 1) * vocabSize),
  );
  await runner.release();
  return rows;
}

/** Rows from a bell of this width around -35, as many as asked for, all of them different. */
export function normalRows(width, count, vocabSize) {
  const random = createXorshift(width * 1000);
  return Array.from({ length: count }, () =>
    Float32Array.from({ length: vocabSize }, () => {
      const radius = Math.sqrt(-2 * Math.log(1 - random()));
      return -35 + width * radius * Math.cos(2 * Math.PI * random());
    }),
  );
}
