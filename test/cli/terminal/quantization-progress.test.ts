import { describe, expect, it } from 'vitest';
import { showQuantizationProgress } from '../../../src/cli/terminal/quantization-progress.js';
import type { Engine, ModelInfo } from '../../../src/engine/index.js';

/** An engine of which only the changes of state matter. */
function createSource() {
  let listener: ((model: ModelInfo) => void) | undefined;
  const engine = {
    onStateChange(added: (model: ModelInfo) => void) {
      listener = added;
      return () => {
        listener = undefined;
      };
    },
  } as unknown as Engine;
  const tell = (loadingShare?: number) =>
    listener?.({ id: 'gpt2', state: 'loading', loadingShare } as ModelInfo);
  return { engine, tell };
}

function show(isTTY: boolean) {
  const { engine, tell } = createSource();
  const written: string[] = [];
  const lines: string[] = [];
  const stop = showQuantizationProgress(
    engine,
    { isTTY, write: (text: string) => written.push(text) },
    (line) => lines.push(line),
  );
  return { tell, stop, written, lines };
}

describe('the progress of quantization', () => {
  it('is a bar on a terminal, which is gone at the end', () => {
    const { tell, written, lines } = show(true);
    for (const share of [0.5, 1]) tell(share);
    expect(written[0]).toContain(`${'█'.repeat(15)}${'░'.repeat(15)} 50 %`);
    expect(written[1]).toBe('\r\u001b[2K');
    expect(lines).toEqual([]);
  });

  it('is a line each quarter elsewhere', () => {
    const { tell, written, lines } = show(false);
    for (const share of [0.1, 0.26, 0.3, 0.77, 1]) tell(share);
    expect(lines.map((line) => line.match(/\d+ %/)?.[0])).toEqual(['26 %', '77 %', '100 %']);
    expect(written).toEqual([]);
  });

  it('says nothing of a model that loads without being quantized, nor after the end', () => {
    const { tell, stop, lines } = show(false);
    tell(undefined);
    stop();
    tell(1);
    expect(lines).toEqual([]);
  });
});
