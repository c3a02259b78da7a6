import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readSseData } from '../../../src/page/api/sse-data.js';
import { readRest } from '../../support/sse.js';

function bodyOf(chunks: readonly Uint8Array[]) {
  return new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });
}

describe('readSseData', () => {
  it('reads every event, wherever the network divides the bytes', async () => {
    const texts = fc.array(fc.string({ unit: 'grapheme' }).map((text) => JSON.stringify(text)));
    await fc.assert(
      fc.asyncProperty(texts, fc.integer({ min: 1, max: 40 }), async (expected, length) => {
        const bytes = Buffer.from(expected.map((data) => `: ping\n\ndata: ${data}\n\n`).join(''));
        const chunks = [];
        for (let start = 0; start < bytes.length; start += length) {
          chunks.push(bytes.subarray(start, start + length));
        }
        expect(await readRest(readSseData(bodyOf(chunks)))).toEqual(expected);
      }),
    );
  });

  it('passes over an event that did not end', async () => {
    const body = bodyOf([Buffer.from('data: 1\n\ndata: 2')]);
    expect(await readRest(readSseData(body))).toEqual(['1']);
  });

  it('cancels the body when its reader stops', async () => {
    let cancelled = false;
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(Buffer.from('data: 1\n\n')),
      cancel: () => {
        cancelled = true;
      },
    });
    for await (const _data of readSseData(body)) break;
    expect(cancelled).toBe(true);
  });
});
