/** Where progress is shown: a terminal gets a bar that is redrawn, anything else a line each quarter. */
export interface ProgressOutput {
  readonly isTTY?: boolean | undefined;
  write(text: string): unknown;
}

const BAR_WIDTH = 30;
const CLEAR_LINE = '\r\u001b[2K';

/** Shows how far something is that takes seconds or minutes. */
export class ProgressBar {
  readonly #output: ProgressOutput;
  readonly #writeLine: (line: string) => void;
  #quarter = 0;
  #shown = '';

  /** @param writeLine says a quarter's line where the output is no terminal. */
  constructor(output: ProgressOutput, writeLine: (line: string) => void) {
    this.#output = output;
    this.#writeLine = writeLine;
  }

  /**
   * Shows a share that is done; at 1 the bar is gone.
   *
   * @param share in [0, 1].
   * @param amount what follows the percentage, such as `123 of 548 MB`.
   */
  show(title: string, share: number, amount = ''): void {
    const percent = `${Math.floor(share * 100)} %${amount && `, ${amount}`}`;
    if (this.#output.isTTY) {
      const bar = '█'.repeat(Math.round(share * BAR_WIDTH)).padEnd(BAR_WIDTH, '░');
      this.#redraw(share < 1 ? `${title}: ${bar} ${percent}` : '');
      return;
    }
    const quarter = Math.floor(share * 4);
    if (quarter > this.#quarter) this.#writeLine(`${title}: ${percent}.`);
    this.#quarter = quarter;
  }

  /** Takes the bar off the terminal, for other text to come. */
  clear(): void {
    if (this.#shown !== '') this.#redraw('');
  }

  #redraw(line: string): void {
    if (line === this.#shown) return;
    this.#shown = line;
    this.#output.write(CLEAR_LINE + line);
  }
}
