import { integerProductOverflows } from '../model/integer-overflow.js';
import type { AttentionFormat } from './attention-format.js';
import { F32_ATTENTION } from './f32-attention.js';
import { INTEGER_ATTENTION } from './integer-attention.js';

/** Keys and values in 8 bits where this processor multiplies them right, else in f32. */
export async function smallAttention(): Promise<AttentionFormat> {
  return (await integerProductOverflows()) ? F32_ATTENTION : INTEGER_ATTENTION;
}
