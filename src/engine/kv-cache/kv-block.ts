/**
 * Tokens of a prefill chunk, which is what the prefix cache keeps and finds. Longer chunks prefill faster and make
 * everybody else wait longer between two tokens: `npm run bench -- prefill stall` shows both.
 */
export const KV_BLOCK_TOKENS = 64;
