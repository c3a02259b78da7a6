import { EngineError } from '../engine-error.js';
import { readTensorBytes, type StoredTensor } from './safetensors.js';

/**
 * Reads a weight as f32, whatever it is stored as.
 *
 * @throws EngineError MODEL_LOAD_FAILED, with the weight's name, where a number is NaN or infinite.
 */
export function readTensorValues(name: string, tensor: StoredTensor): Float32Array {
  const values = toSingles(tensor);
  checkFinite(name, values);
  return values;
}

function toSingles(tensor: StoredTensor): Float32Array {
  const { buffer } = readTensorBytes(tensor);
  if (tensor.dtype === 'F32') return new Float32Array(buffer);
  const halves = new Uint16Array(buffer);
  if (tensor.dtype === 'BF16') return widen(halves, (half) => half << 16);
  if (tensor.dtype === 'F16') return widen(halves, halfToSingleBits);
  throw new Error(`${tensor.dtype} is no weight's type.`);
}

function checkFinite(name: string, values: Float32Array): void {
  for (let i = 0; i < values.length; i++) {
    if (Number.isFinite(values[i])) continue;
    const problem = `tensor "${name}" has ${values[i]} among its numbers; weights must be finite.`;
    throw new EngineError('MODEL_LOAD_FAILED', problem);
  }
}

/** Widens 16-bit floats by a table of all 65,536 of them. */
function widen(halves: Uint16Array, toSingleBits: (half: number) => number): Float32Array {
  const bits = new Int32Array(65_536).map((_, half) => toSingleBits(half));
  const table = new Float32Array(bits.buffer);
  const values = new Float32Array(halves.length);
  for (let i = 0; i < halves.length; i++) values[i] = table[halves[i]!]!;
  return values;
}

/** IEEE 754 binary16 to binary32. */
function halfToSingleBits(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0x1f) return sign | 0x7f800000 | (fraction << 13);
  if (exponent > 0) return sign | ((exponent + 112) << 23) | (fraction << 13);
  if (fraction === 0) return sign;
  // Subnormal: shift the first set bit out to where the implicit one is.
  const shift = Math.clz32(fraction) - 21;
  return sign | ((113 - shift) << 23) | (((fraction << shift) & 0x3ff) << 13);
}
