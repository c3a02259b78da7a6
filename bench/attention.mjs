// Measures the attention of decoding by itself, in the ways in which the graph could say it: `node bench/attention.mjs`.
import { availableParallelism } from 'node:os';
import { Tensor } from 'onnxruntime-node';
import { GraphBuilder } from '../dist/engine/model/graph-builder.js';
import { createSession } from '../dist/engine/model/session.js';
import '../dist/engine/no-telemetry.js';
import { MATRIX_FORMATS } from '../dist/engine/weights/matrix-formats.js';
import { machineLine } from './support/machine.mjs';
import { interleave } from './support/rounds.mjs';
import { median } from './support/statistics.mjs';

const [LAYERS, HEADS, WIDTH] = [12, 12, 64];
const ALPHA = 1 / Math.sqrt(WIDTH);
/** Sequences, and positions of each. */
const SHAPES = [
  [1, 1024],
  [4, 896],
  [16, 256],
];
const VARIANTS = {
  'with alpha': (graph, query, key) =>
    graph.contrib('FusedMatMul', [query, key], { transB: 1, alpha: { float: ALPHA } })[0],
  'queries scaled': (graph, query, key) =>
    graph.contrib('FusedMatMul', [scaled(graph, query), key], { transB: 1 })[0],
  'keys stored transposed': (graph, query, key) => graph.op('MatMul', [scaled(graph, query), key]),
};

console.log(machineLine());
for (const [sequences, positions] of SHAPES) {
  const names = Object.keys(VARIANTS);
  const runs = await Promise.all(names.map((name) => open(name, sequences, positions)));
  const times = await interleave(runs, { rounds: 25, mayBegin: () => true, warmUp: true });
  const cells = names.map((name, i) => `${name} ${median(times[i]).toFixed(1)} ms`);
  console.log(`${sequences} x ${positions}: ${cells.join(', ')}`);
}

/** By a factor for each channel: ONNX Runtime would make a single one the product's alpha. */
function scaled(graph, query) {
  const factors = graph.op('Expand', [graph.scalar('float32', ALPHA), graph.ints([WIDTH])]);
  return graph.op('Mul', [query, factors]);
}

/** Opens one way; the result runs all layers once and returns how long that took. */
async function open(name, sequences, positions) {
  const isTransposed = name.endsWith('transposed');
  const shapeOf = (transposed) => [
    sequences,
    HEADS,
    ...(transposed ? [WIDTH, positions] : [positions, WIDTH]),
  ];
  const graph = new GraphBuilder('');
  let hidden = graph.input('query', 'float32', [sequences, HEADS, 1, WIDTH]);
  const feeds = { query: filled([sequences, HEADS, 1, WIDTH]) };
  for (let layer = 0; layer < LAYERS; layer++) {
    const key = graph.input(`key_${layer}`, 'float32', shapeOf(isTransposed));
    const value = graph.input(`value_${layer}`, 'float32', shapeOf(false));
    feeds[key] = filled(shapeOf(isTransposed));
    feeds[value] = filled(shapeOf(false));
    const scores = VARIANTS[name](graph, hidden, key);
    hidden = graph.op('MatMul', [graph.op('Softmax', [scores], { axis: -1 }), value]);
  }
  graph.output('attended', hidden, 'float32', [sequences, HEADS, 1, WIDTH]);
  const options = { weights: new Map(), numThreads: availableParallelism(), format: MATRIX_FORMATS.f32 };
  const session = await createSession(graph.toModel(), options);
  return async () => {
    const startedAt = performance.now();
    await session.run(feeds);
    return performance.now() - startedAt;
  };
}

function filled(shape) {
  const size = shape.reduce((product, dim) => product * dim, 1);
  return new Tensor('float32', new Float32Array(size).fill(0.01), shape);
}
