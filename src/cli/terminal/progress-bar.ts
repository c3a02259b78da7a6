import { StatusLine, type StatusOutput } from './status-line.js';

const BAR_WIDTH = 30;

/** Shows how far something is that takes seconds or minutes: a bar on a terminal, elsewhere a line each quarter. */
export class ProgressBar {
  readonly #isOnTerminal: boolean;
  readonly #line: StatusLine;
  readonly #writeLine: (line: string) => void;
  #quarter = 0;
  #shown = '';

  /** @param writeLine says a quarter's line where the output is no terminal. */
  constructor(output: StatusOutput, writeLine: (line: string) => void) {
    this.#isOnTerminal = output.isTTY === true;
    this.#line = new StatusLine(output);
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
    if (this.#isOnTerminal) {
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
    this.#line.clear();
    this.#shown = '';
  }

  #redraw(line: string): void {
    if (line === this.#shown) return;
    this.#shown = line;
    this.#line.draw(line);
  }
}
