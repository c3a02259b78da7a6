import { EngineError } from '../engine-error.js';
import { readTensorBytes, type StoredTensor } from './safetensors.js';

/**
 * Reads a weight as f32, whatever it is stored as.
 *
 * @throws EngineError MODEL_LOAD_FAILED, with the weight's name, where a number is NaN or infinite.
 */
export function readTensorValues(name: string, tensor: StoredTensor): Float32Array {
  const values = createDecoder(tensor.dtype, readTensorBytes(tensor).buffer)();
  checkFinite(name, values);
  return values;
}

/** Makes the numbers, f32, of what stands in the given bytes when it is called: the same array each time. */
export function createDecoder(dtype: string, bytes: ArrayBufferLike): () => Float32Array {
  if (dtype === 'F32') {
    const values = new Float32Array(bytes);
    return () => values;
  }
  const [halves, singles] = [new Uint16Array(bytes), halfValues(dtype)];
  const values = new Float32Array(halves.length);
  return () => {
    for (let i = 0; i < halves.length; i++) values[i] = singles[halves[i]!]!;
    return values;
  };
}

/** The values of all 65,536 16-bit floats of a type, F16 or BF16, by their bits. */
function halfValues(dtype: string): Float32Array {
  if (dtype !== 'F16' && dtype !== 'BF16') throw new Error(`${dtype} is no weight's type.`);
  const toSingleBits = dtype === 'F16' ? halfToSingleBits : (half: number) => half << 16;
  const bits = new Int32Array(65_536).map((_, half) => toSingleBits(half));
  return new Float32Array(bits.buffer);
}

function checkFinite(name: string, values: Float32Array): void {
  for (let i = 0; i < values.length; i++) {
    if (Number.isFinite(values[i])) continue;
    const problem = `tensor "${name}" has ${values[i]} among its numbers; weights must be finite.`;
    throw new EngineError('MODEL_LOAD_FAILED', problem);
  }
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
