import { InferenceSession, Tensor } from 'onnxruntime-node';
import { GraphBuilder } from '../../dist/engine/model/graph-builder.js';
import { median } from './statistics.mjs';

const ROWS = 256;

/**
 * Makes a measure of how fast memory can be read: ONNX Runtime sums up the rows of a large f32 matrix (`ReduceSum`), with
 * vector instructions and on as many threads as the engine has. Returns bytes a second, the median of seven times.
 */
export async function openMemoryBandwidth({ numThreads, bytes = 512 * 2 ** 20 }) {
  const columns = Math.floor(bytes / ROWS / Float32Array.BYTES_PER_ELEMENT);
  const graph = new GraphBuilder('');
  const matrix = graph.input('matrix', 'float32', [ROWS, columns]);
  graph.output('sums', graph.op('ReduceSum', [matrix, graph.ints([1])], { keepdims: 0 }), 'float32', [ROWS]);
  const session = await InferenceSession.create(graph.toModel(), {
    intraOpNumThreads: numThreads,
    logSeverityLevel: 3,
  });
  // Ones, not zeros: pages that were never written are all the same page.
  const feeds = { matrix: new Tensor('float32', new Float32Array(ROWS * columns).fill(1), [ROWS, columns]) };
  return async () => {
    const times = [];
    for (let i = 0; i < 7; i++) {
      const start = performance.now();
      const { sums } = await session.run(feeds);
      times.push(performance.now() - start);
      // f32 adds up to 2 ** 24 ones exactly.
      if (sums.data[ROWS - 1] !== columns) throw new Error(`The sum is ${sums.data[ROWS - 1]}.`);
    }
    return (ROWS * columns * Float32Array.BYTES_PER_ELEMENT * 1000) / median(times);
  };
}
