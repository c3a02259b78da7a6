import type { Engine } from '../engine/index.js';

/** Where progress is shown: a terminal gets a bar that is redrawn, anything else a line each quarter. */
export interface ProgressOutput {
  readonly isTTY?: boolean | undefined;
  write(text: string): unknown;
}

const BAR_WIDTH = 30;
const CLEAR_LINE = '\r\u001b[2K';

/**
 * Shows how far a model's weights are quantized, which happens once, at the first load at a precision, and takes
 * seconds to a minute. Stops when the returned function is called.
 *
 * @param writeLine says a quarter's line where the output is no terminal.
 */
export function showQuantizationProgress(
  engine: Engine,
  output: ProgressOutput,
  writeLine: (line: string) => void,
): () => void {
  let quarter = 0;
  return engine.onStateChange(({ id, state, loadingShare = 0 }) => {
    if (state !== 'loading' || loadingShare === 0) return;
    const percent = `${Math.floor(loadingShare * 100)} %`;
    if (output.isTTY) {
      const bar = '█'.repeat(Math.round(loadingShare * BAR_WIDTH)).padEnd(BAR_WIDTH, '░');
      const line = `Quantizing ${id}, once: ${bar} ${percent}`;
      output.write(loadingShare < 1 ? CLEAR_LINE + line : CLEAR_LINE);
    } else if (Math.floor(loadingShare * 4) > quarter) {
      quarter = Math.floor(loadingShare * 4);
      writeLine(`Quantizing ${id}, once: ${percent}.`);
    }
  });
}
