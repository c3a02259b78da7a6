// GGML's block formats: 32 weights share a scale of half precision.
const BLOCK = 32;

/** Q8_0: the scale, then 32 signed bytes. */
export function toQ8(values) {
  const out = Buffer.alloc((values.length / BLOCK) * toQ8.bytesPerBlock);
  for (let start = 0, at = 0; start < values.length; start += BLOCK, at += toQ8.bytesPerBlock) {
    let largest = 0;
    for (let i = start; i < start + BLOCK; i++) largest = Math.max(largest, Math.abs(values[i]));
    const scale = largest / 127;
    const inverse = scale === 0 ? 0 : 1 / scale;
    out.writeUInt16LE(toHalf(scale), at);
    for (let i = 0; i < BLOCK; i++) out[at + 2 + i] = Math.round(values[start + i] * inverse);
  }
  return out;
}
toQ8.bytesPerBlock = 34;

/** Q4_0: the scale, then 16 bytes; the low half of byte i is weight i, the high half weight i + 16, each less 8. */
export function toQ4(values) {
  const out = Buffer.alloc((values.length / BLOCK) * toQ4.bytesPerBlock);
  for (let start = 0, at = 0; start < values.length; start += BLOCK, at += toQ4.bytesPerBlock) {
    let extreme = 0;
    for (let i = start; i < start + BLOCK; i++)
      if (Math.abs(values[i]) > Math.abs(extreme)) extreme = values[i];
    const scale = extreme / -8;
    const inverse = scale === 0 ? 0 : 1 / scale;
    const quantized = (i) => Math.min(15, Math.floor(values[start + i] * inverse + 8.5));
    out.writeUInt16LE(toHalf(scale), at);
    for (let i = 0; i < BLOCK / 2; i++) out[at + 2 + i] = quantized(i) | (quantized(i + BLOCK / 2) << 4);
  }
  return out;
}
toQ4.bytesPerBlock = 18;

const single = new Float32Array(1);
const bits = new Uint32Array(single.buffer);

/** The nearest number of half precision, as its 16 bits. */
function toHalf(value) {
  single[0] = value;
  const sign = (bits[0] >>> 16) & 0x8000;
  const magnitude = bits[0] & 0x7fffffff;
  if (magnitude >= 0x47800000) return sign | 0x7c00; // beyond the range, or not finite
  if (magnitude < 0x38800000) return sign | Math.round(Math.abs(value) * 2 ** 24); // subnormal
  // Rounds to even where it is halfway.
  return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
}
