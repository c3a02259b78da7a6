import type { Engine } from '../../engine/index.js';
import { ProgressBar } from './progress-bar.js';
import type { StatusOutput } from './status-line.js';

/**
 * Shows how far a model's weights are quantized, which happens once, at the first load at a precision, and takes
 * seconds to a minute. Stops when the returned function is called.
 *
 * @param writeLine says a quarter's line where the output is no terminal.
 */
export function showQuantizationProgress(
  engine: Engine,
  output: StatusOutput,
  writeLine: (line: string) => void,
): () => void {
  const bars = new Map<string, ProgressBar>();
  return engine.onStateChange(({ id, state, loadingShare = 0 }) => {
    if (state !== 'loading' || loadingShare === 0) return;
    const bar = bars.get(id) ?? new ProgressBar(output, writeLine);
    bars.set(id, bar);
    bar.show(`Quantizing ${id}, once`, loadingShare);
  });
}
