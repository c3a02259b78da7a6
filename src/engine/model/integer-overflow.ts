import { InferenceSession, Tensor } from 'onnxruntime-node';
import { GraphBuilder } from './graph-builder.js';

const [ROWS, INPUTS, OUTPUTS] = [2, 64, 16];

/** The processor stays the same. */
let answer: Promise<boolean> | undefined;

/**
 * Tells whether this processor's product of u8 and s8 overflows. x86 processors without VNNI instructions add pairs of
 * products in 16 bits, which the largest levels exceed. The first call takes a few milliseconds: the largest levels are multiplied.
 */
export function integerProductOverflows(): Promise<boolean> {
  answer ??= multiplyLargest();
  return answer;
}

async function multiplyLargest(): Promise<boolean> {
  const graph = new GraphBuilder('');
  const [product] = graph.contrib('MatMulIntegerToFloat', [
    graph.input('a', 'uint8', [ROWS, INPUTS]),
    graph.input('b', 'int8', [INPUTS, OUTPUTS]),
    graph.scalar('float32', 1),
    graph.scalar('float32', 1),
  ]);
  graph.output('product', product!, 'float32', [ROWS, OUTPUTS]);
  const session = await InferenceSession.create(graph.toModel(), {
    intraOpNumThreads: 1,
    logSeverityLevel: 3,
  });
  try {
    const result = await session.run({
      a: new Tensor('uint8', new Uint8Array(ROWS * INPUTS).fill(255), [ROWS, INPUTS]),
      b: new Tensor('int8', new Int8Array(INPUTS * OUTPUTS).fill(127), [INPUTS, OUTPUTS]),
    });
    return (result['product']!.data as Float32Array).some((sum) => sum !== INPUTS * 255 * 127);
  } finally {
    await session.release();
  }
}
