import type { Precision } from '../engine.js';
import { blockFormat } from './block-format.js';
import { F32_FORMAT } from './f32-format.js';
import { INTEGER_FORMAT } from './integer-format.js';
import { INTEGER_HEAD } from './integer-head.js';
import type { MatrixFormat } from './matrix-format.js';

/** What each precision is. Smaller blocks are more exact (docs/engine.md, "Precision") and have more scales to read. */
export const MATRIX_FORMATS: Readonly<Record<Precision, MatrixFormat>> = {
  f32: F32_FORMAT,
  q8: blockFormat({ bits: 8, blockSize: 128 }),
  i8: INTEGER_FORMAT,
  // A head of 8 bits loses less, and is faster for many rows.
  q4: blockFormat({ bits: 4, blockSize: 128 }, INTEGER_HEAD),
};
