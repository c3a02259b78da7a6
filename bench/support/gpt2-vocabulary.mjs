import { END_OF_TEXT_ID, loadTokenBytes } from '../../dist/engine/text/token-bytes.js';

/** GPT-2's vocabulary as its files have it: tokens in printable characters for bytes, and the merges in their order. */
export async function loadGpt2Vocabulary() {
  const tokenBytes = await loadTokenBytes();
  const names = byteNames();
  const tokens = [...tokenBytes].map((bytes, id) =>
    id === END_OF_TEXT_ID ? '<|endoftext|>' : Array.from(bytes, (byte) => names[byte]).join(''),
  );
  const ranks = new Map(tokens.map((token, id) => [token, id]));
  const merges = [];
  for (let id = 256; id < END_OF_TEXT_ID; id++) merges.push(lastMerge(tokens[id], ranks, id).join(' '));
  return { tokens, merges };
}

/** Printable Latin-1 stands for itself; every other byte for the next character from 256 on. */
function byteNames() {
  const isPrintable = (byte) =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || (byte >= 0xae && byte <= 0xff);
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(isPrintable(byte) ? byte : next++));
}

/** The two tokens that a token is made of: merges of lower rank, lowest first, until two parts are left. */
function lastMerge(token, ranks, rank) {
  const parts = [...token];
  while (parts.length > 2) {
    let best = -1;
    let bestRank = rank;
    for (let i = 0; i + 1 < parts.length; i++) {
      const pairRank = ranks.get(parts[i] + parts[i + 1]) ?? Infinity;
      if (pairRank < bestRank) [best, bestRank] = [i, pairRank];
    }
    if (best < 0) throw new Error(`No merges make token ${rank}.`);
    parts.splice(best, 2, parts[best] + parts[best + 1]);
  }
  return parts;
}
