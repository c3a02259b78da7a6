/** Where progress is shown: on a terminal a line is redrawn in place. */
export interface StatusOutput {
  readonly isTTY?: boolean | undefined;
  /** The width of the terminal, in characters. Undefined or 0 where it is not known. */
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

/** Goes to the start of the terminal's line and empties it. */
const CLEAR_LINE = '\r\u001b[2K';

/** Says how to make room for a line of text on a terminal on which a status line may be; nothing elsewhere. */
export function clearLineOf(output: StatusOutput, environment: NodeJS.ProcessEnv): string {
  return output.isTTY === true && environment['TERM'] !== 'dumb' ? CLEAR_LINE : '';
}

/** A line of a terminal that is drawn again and again, in place of itself. */
export class StatusLine {
  readonly #output: StatusOutput;
  #shown = '';

  constructor(output: StatusOutput) {
    this.#output = output;
  }

  /**
   * Draws the line; what does not fit the terminal is left out, since a second line would stay.
   *
   * @param paint adds colours.
   */
  draw(line: string, paint = (text: string) => text): void {
    const width = (this.#output.columns || 80) - 1;
    this.#shown = line.slice(0, width);
    this.#output.write(CLEAR_LINE + (this.#shown === '' ? '' : paint(this.#shown)));
  }

  /** Takes the line off the terminal, for other text to come. */
  clear(): void {
    if (this.#shown !== '') this.draw('');
  }
}
