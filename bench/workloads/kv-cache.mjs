import { Tensor } from 'onnxruntime-node';
import { F32_ATTENTION } from '../../dist/engine/attention/f32-attention.js';
import { lanesOf, TILE_POSITIONS, toKvArray } from '../../dist/engine/kv-cache/kv-part.js';
import { placeBatches } from '../../dist/engine/model/batch-places.js';
import { kvShapeOf } from '../../dist/engine/model/gpt2-config.js';
import { createPast, noPast, pastShape } from '../../dist/engine/model/past-feeds.js';
import { StepInputsFactory } from '../../dist/engine/model/step-inputs.js';
import { openModelSession } from '../support/model-session.mjs';
import { promptIds } from '../support/prompts.mjs';
import { ratioRow, toRows } from '../support/rows.mjs';
import { sequenceOf } from '../support/sequence.mjs';

const [PROMPT, OUTPUT] = [50, 200];

/** What the KV cache is worth: 200 tokens after 50, with it, and computing the whole text again for each token. */
export const kvCache = {
  name: 'kv-cache',
  async run({ precisions, engine, engineOptions, numThreads, scaled, interleave }) {
    const rows = [];
    const prompt = promptIds(scaled(PROMPT), 'kv-cache');
    const numTokens = scaled(OUTPUT);
    for (const precision of precisions) {
      const system = await engine(precision);
      const model = await openModelSession({ ...engineOptions(precision), numThreads });
      let expected;
      const cached = async () => {
        const { startedAtMs, timesMs, ids } = await system.generate(prompt, numTokens);
        expected = ids;
        return (numTokens * 1000) / (timesMs.at(-1) - startedAtMs);
      };
      const recomputed = async () => {
        const startedAt = performance.now();
        const ids = await generateWithoutCache(model, prompt, numTokens);
        checkSame(ids, expected, model.attention === F32_ATTENTION ? 10 : 1);
        return (numTokens * 1000) / (performance.now() - startedAt);
      };
      // Without a cache it takes half a minute at f32, and warms itself up.
      const [fast, slow] = await interleave([cached, recomputed], { maxRounds: 3, warmUp: false });
      await model.session.release();
      const labels = { workload: 'kv-cache', system: 'engine', precision, streams: 1 };
      const toSamples = (values) => values.map((throughput) => ({ throughput }));
      rows.push(
        ...toRows({ ...labels, variant: 'cached' }, toSamples(fast)),
        ...toRows({ ...labels, variant: 'recomputed' }, toSamples(slow)),
        { ...ratioRow({ ...labels, variant: 'cached / recomputed' }, fast, slow), goal: { atLeast: 8 } },
      );
    }
    return rows;
  },
};

/** Positions of the past that hold nothing. */
const NO_PAST = TILE_POSITIONS;

/** The same graph without a past, and the whole text as new tokens, of which only the last gets logits. */
async function generateWithoutCache(model, prompt, numTokens) {
  const { session, config, embeddings, attention, padding } = model;
  const inputs = new StepInputsFactory(config, embeddings, padding.tokens);
  const layers = { parts: attention.parts(kvShapeOf(config)), numLayers: config.numLayers };
  const firstSlot = { classIndex: 0, index: 0 };
  const tokenIds = [...prompt];
  while (tokenIds.length < prompt.length + numTokens) {
    const sequences = [sequenceOf(tokenIds)];
    const batch = { sequences, firstSlot, numNewTokens: tokenIds.length, capacity: NO_PAST };
    const places = placeBatches([batch]);
    const past = places.map((each, place) =>
      each === undefined ? noPast(layers, place) : emptyPast(layers, place),
    );
    const last = Int32Array.from({ length: padding.logits }, () => tokenIds.length - 1);
    const logitRows = new Tensor('int32', last, [last.length]);
    const feeds = Object.assign({ logit_rows: logitRows }, ...past, ...inputs.fill(places));
    const { logits } = await session.run(feeds, ['logits']);
    tokenIds.push(indexOfMax(logits.data.subarray(0, config.vocabSize)));
  }
  return tokenIds.slice(prompt.length);
}

/** A slot in which nothing has been written. */
function emptyPast(layers, place) {
  return createPast(layers, place, (part) => {
    const kind = layers.parts[part];
    const { numLanes, positionBytes } = lanesOf(kind);
    const none = toKvArray(kind.type, new Int8Array(numLanes * NO_PAST * positionBytes));
    return new Tensor(kind.type, none, pastShape(kind, 1, NO_PAST));
  });
}

/** Rounding may tip a close choice, soon where the cache rounds keys and values; at the beginning it must not. */
function checkSame(ids, expected, numSame) {
  const first = ids.findIndex((id, index) => id !== expected[index]);
  if (first >= 0 && first < Math.min(numSame, ids.length)) {
    throw new Error(`Without the cache, token ${first} is ${ids[first]} in place of ${expected[first]}.`);
  }
}

function indexOfMax(values) {
  let best = 0;
  for (let index = 1; index < values.length; index++) if (values[index] > values[best]) best = index;
  return best;
}
