const VOCAB_SIZE = 50_256; // without the end of text

/** Token ids that are the same for the same name, and differ from those of any other. */
export function promptIds(length, name) {
  const random = createXorshift(hash(String(name)));
  return Array.from({ length }, () => Math.floor(random() * VOCAB_SIZE));
}

/** Numbers in [0, 1), the same for the same seed. */
export function createXorshift(seed) {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

function hash(text) {
  let value = 0x811c9dc5;
  for (const character of text) value = Math.imul(value ^ character.codePointAt(0), 0x01000193);
  return value;
}
