/** How weights are cut into blocks that share one scale. */
export interface QuantizationScheme {
  readonly bits: 4 | 8;
  /** Weights per block along the inputs of a layer; a power of two, at least 16. */
  readonly blockSize: number;
}

/** A weight matrix in blocks, as ONNX Runtime's `MatMulNBits` reads it. */
export interface QuantizedMatrix {
  /** u8 [outputs, blocks, blockSize * bits / 8]; at 4 bits the lower half of a byte comes first. */
  readonly data: Uint8Array;
  /** f32 [outputs, blocks]: weight = (quantized - 2^(bits - 1)) * scale. */
  readonly scales: Float32Array;
}

/** A weight matrix to quantize: `at(output, input)` lies at `output * outputStride + input * inputStride`. */
export interface StridedMatrix {
  readonly values: Float32Array;
  readonly numOutputs: number;
  readonly numInputs: number;
  readonly outputStride: number;
  readonly inputStride: number;
}

/** Quantizes a matrix block by block, symmetrically around zero. What a row's last block lacks counts as zero. */
export function quantizeMatrix(matrix: StridedMatrix, scheme: QuantizationScheme): QuantizedMatrix {
  const { numOutputs, numInputs, outputStride, inputStride, values } = matrix;
  const { bits, blockSize } = scheme;
  const numBlocks = Math.ceil(numInputs / blockSize);
  const blockBytes = (blockSize * bits) / 8;
  const data = new Uint8Array(numOutputs * numBlocks * blockBytes);
  const scales = new Float32Array(numOutputs * numBlocks);
  const block = new Float32Array(blockSize);
  const quantized = new Uint8Array(blockSize);
  for (let output = 0, at = 0; output < numOutputs; output++) {
    for (let first = 0; first < numInputs; first += blockSize, at++) {
      const length = Math.min(blockSize, numInputs - first);
      block.fill(0);
      let source = output * outputStride + first * inputStride;
      for (let i = 0; i < length; i++, source += inputStride) block[i] = values[source]!;
      scales[at] = bits === 8 ? quantizeBlock8(block, quantized) : quantizeBlock4(block, quantized);
      pack(quantized, bits, data, at * blockBytes);
    }
  }
  return { data, scales };
}

/** A weight matrix with one scale for each output, as ONNX Runtime's `MatMulIntegerToFloat` reads it. */
export interface ColumnQuantizedMatrix {
  /** s8 [inputs, outputs], from -127 to 127. */
  readonly data: Int8Array;
  /** f32 [outputs]: weight = quantized * scale. */
  readonly scales: Float32Array;
}

/** Quantizes a matrix f32 [inputs, outputs] to 8 bits column by column, symmetrically around zero. */
export function quantizeColumns(values: Float32Array, numOutputs: number): ColumnQuantizedMatrix {
  const scales = new Float32Array(numOutputs);
  for (let at = 0; at < values.length; ) {
    for (let output = 0; output < numOutputs; output++, at++) {
      scales[output] = Math.max(scales[output]!, Math.abs(values[at]!));
    }
  }
  const inverses = new Float64Array(numOutputs);
  for (let output = 0; output < numOutputs; output++) {
    scales[output]! /= 127;
    inverses[output] = scales[output]! > 0 ? 1 / scales[output]! : 0;
  }
  const data = new Int8Array(values.length);
  for (let at = 0; at < values.length; ) {
    for (let output = 0; output < numOutputs; output++, at++) {
      data[at] = levelOf(values[at]! * inverses[output]!, 128, 127) - 128;
    }
  }
  return { data, scales };
}

/** Fills in levels 1..255 around 128; returns the scale. */
function quantizeBlock8(block: Float32Array, quantized: Uint8Array): number {
  const scale = Math.fround(Math.abs(largestOf(block)) / 127);
  const inverse = scale > 0 ? 1 / scale : 0;
  for (let i = 0; i < block.length; i++) quantized[i] = levelOf(block[i]! * inverse, 128, 127);
  return scale;
}

/** The largest weight is tried at these many levels from zero; 8 uses all of the range, less cuts it off. */
const LEVELS_4 = [8, 7.75, 7.5, 7.25, 7, 6.75, 6.5, 6.25, 6];

/**
 * Fills in levels 0..15 around 8; returns the scale, which may be negative: -8 is a level and +8 is none, so the
 * largest weight takes -8. Of several scales the one with the least squared error is kept.
 */
function quantizeBlock4(block: Float32Array, quantized: Uint8Array): number {
  const largest = largestOf(block);
  let best = 0;
  let leastError = Number.POSITIVE_INFINITY;
  for (let i = 0; i < LEVELS_4.length; i++) {
    const scale = Math.fround(-largest / LEVELS_4[i]!);
    const error = squaredError4(block, scale);
    if (error < leastError) {
      leastError = error;
      best = scale;
    }
  }
  const inverse = best === 0 ? 0 : 1 / best;
  for (let i = 0; i < block.length; i++) quantized[i] = levelOf(block[i]! * inverse, 8, 8);
  return best;
}

/** By far most of the time at 4 bits is spent here: a function of its own, which the compiler sees to first. */
function squaredError4(block: Float32Array, scale: number): number {
  const inverse = scale === 0 ? 0 : 1 / scale;
  let sum = 0;
  for (let i = 0; i < block.length; i++) {
    const difference = block[i]! - (levelOf(block[i]! * inverse, 8, 8) - 8) * scale;
    sum += difference * difference;
  }
  return sum;
}

/**
 * Rounds to the nearest level around `zero`, which is one of the 2 * zero levels from 0 on, and is positive: to cut off what is
 * behind the point is then to round down, and much faster than Math.round.
 *
 * @param reach how many levels below `zero` there are.
 */
function levelOf(value: number, zero: number, reach: number): number {
  const level = (value + (zero + 0.5)) | 0;
  return Math.max(zero - reach, Math.min(level, 2 * zero - 1));
}

function pack(quantized: Uint8Array, bits: 4 | 8, data: Uint8Array, at: number): void {
  if (bits === 8) {
    data.set(quantized, at);
    return;
  }
  for (let i = 0; i < quantized.length; i += 2) data[at + i / 2] = quantized[i]! | (quantized[i + 1]! << 4);
}

/** The weight of the largest magnitude, the first of several. */
function largestOf(block: Float32Array): number {
  let largest = 0;
  let magnitude = 0;
  for (let i = 0; i < block.length; i++) {
    const candidate = Math.abs(block[i]!);
    if (candidate > magnitude) {
      magnitude = candidate;
      largest = block[i]!;
    }
  }
  return largest;
}
