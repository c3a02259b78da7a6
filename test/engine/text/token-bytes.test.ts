import { describe, expect, it } from 'vitest';
import { END_OF_TEXT_ID, loadTokenBytes } from '../../../src/engine/text/token-bytes.js';

const tokenBytes = await loadTokenBytes();

describe('token bytes', () => {
  it('has the 50,257 tokens of GPT-2', () => {
    expect(tokenBytes.size).toBe(50_257);
    expect(new TextDecoder().decode(tokenBytes.bytesOf(15_496))).toBe('Hello');
    expect(new TextDecoder().decode(tokenBytes.bytesOf(50_255))).toBe(' gazed');
  });

  it('has each single byte as a token', () => {
    const singles = new Set([...tokenBytes].filter((bytes) => bytes.length === 1).map((bytes) => bytes[0]));
    expect(singles.size).toBe(256);
  });

  it('has bytes that are no text by themselves', () => {
    expect([...tokenBytes.bytesOf(447)]).toEqual([0xe2, 0x80]);
  });

  it('gives no token the same bytes as another, nor none', () => {
    const distinct = new Set([...tokenBytes].map((bytes) => bytes.join()));
    expect(distinct.size).toBe(50_257);
    expect(distinct.has('')).toBe(false);
  });

  it('writes the end-of-text token as it is written in a prompt', () => {
    expect(new TextDecoder().decode(tokenBytes.bytesOf(END_OF_TEXT_ID))).toBe('<|endoftext|>');
  });

  it('joins tokens', () => {
    expect([...tokenBytes.concatenate([15_496, 447, 0])]).toEqual([72, 101, 108, 108, 111, 0xe2, 0x80, 33]);
    expect(tokenBytes.concatenate([])).toHaveLength(0);
  });

  it.each([-1, 50_257, 0.5])('refuses the id %d', (id) => {
    expect(() => tokenBytes.bytesOf(id)).toThrow(`There is no token ${id}: the vocabulary has 50257.`);
  });
});
