import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Precision } from '../engine.js';
import { EngineError } from '../engine-error.js';
import { numParametersOf } from './checkpoint.js';
import { parseGpt2Config } from './gpt2-config.js';

/** What a worker takes beside its weights: its heap, the graph, ONNX Runtime's buffers. */
const WORKER_BYTES = 95e6;

/** Bytes that a parameter takes in memory. */
interface ParameterBytes {
  readonly layers: number;
  readonly head: number;
}

/**
 * Measured from distilgpt2's shape to gpt2-xl's (docs/models.md, "Start and memory"). On an x86 processor without VNNI
 * instructions i8 takes twice that (integer-overflow.ts).
 */
const PARAMETER_BYTES: Readonly<Record<Precision, ParameterBytes>> = {
  f32: { layers: 4.02, head: 4.02 },
  q8: { layers: 1.14, head: 1.14 },
  i8: { layers: 1.08, head: 1.08 },
  q4: { layers: 0.65, head: 1.08 },
};

/**
 * Reckons how much memory a model takes once it is loaded, without its KV cache, from its config alone.
 *
 * @returns bytes, some per cent too many rather than too few.
 * @throws EngineError MODEL_LOAD_FAILED where the config can't be read, or is not GPT-2's.
 */
export async function estimateModelBytes(directory: string, precision: Precision): Promise<number> {
  const path = join(directory, 'config.json');
  const json = await readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new EngineError('MODEL_LOAD_FAILED', `${path} can't be read: ${cause.code}.`, { cause });
  });
  const config = parseGpt2Config(json);
  const bytes = PARAMETER_BYTES[precision];
  const numInHead = config.vocabSize * config.hiddenSize;
  const layers = (numParametersOf(config) - numInHead) * bytes.layers;
  return Math.ceil(layers + numInHead * bytes.head + WORKER_BYTES);
}
