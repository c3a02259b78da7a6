/**
 * Searches a stream of text for stop strings, and holds back no more than it must: the longest end of the text
 * that one of them begins with. The stop string that is complete first ends the text; if several are with the
 * same character, the longest, so that nothing of a stop string is given out. How the text was cut into pieces
 * makes no difference.
 */
export class StopChecker {
  readonly #searches: readonly Search[];
  #held = '';
  #matched: string | undefined;

  /** @param stops Not empty and well-formed, each. */
  constructor(stops: readonly string[]) {
    this.#searches = stops.map((stop) => ({ stop, fallbacks: fallbacksOf(stop), length: 0 }));
  }

  /** The stop string that ended the text. */
  get matched(): string | undefined {
    return this.#matched;
  }

  /** Gives the text that is sure not to belong to a stop string. Gives nothing after a match. */
  push(text: string): string {
    if (this.#matched !== undefined) return '';
    if (this.#searches.length === 0) return text;
    const pending = this.#held + text;
    for (let end = this.#held.length; end < pending.length; end += 1) {
      const matched = this.#advance(pending.charCodeAt(end));
      if (matched === undefined) continue;
      this.#matched = matched;
      this.#held = '';
      return pending.slice(0, end + 1 - matched.length);
    }
    const numHeld = Math.max(...this.#searches.map((search) => search.length));
    this.#held = pending.slice(pending.length - numHeld);
    return pending.slice(0, pending.length - numHeld);
  }

  /** Ends the text: gives what was held back. */
  flush(): string {
    const held = this.#held;
    this.#held = '';
    return held;
  }

  /** Takes one more UTF-16 code unit, and gives the longest stop string that ends with it. */
  #advance(unit: number): string | undefined {
    let matched: string | undefined;
    for (const search of this.#searches) {
      const { stop, fallbacks } = search;
      while (search.length > 0 && stop.charCodeAt(search.length) !== unit) {
        search.length = fallbacks[search.length - 1]!;
      }
      if (stop.charCodeAt(search.length) === unit) search.length += 1;
      if (search.length === stop.length && stop.length > (matched?.length ?? 0)) matched = stop;
    }
    return matched;
  }
}

/** The search for one stop string, after Knuth, Morris and Pratt. */
interface Search {
  readonly stop: string;
  readonly fallbacks: Int32Array;
  /** How much of the stop string the text ends with. */
  length: number;
}

/** For each beginning of a string: how long a shorter one it ends with is, at most. */
function fallbacksOf(stop: string): Int32Array {
  const fallbacks = new Int32Array(stop.length);
  for (let end = 1, length = 0; end < stop.length; end += 1) {
    while (length > 0 && stop.charCodeAt(end) !== stop.charCodeAt(length)) {
      length = fallbacks[length - 1]!;
    }
    if (stop.charCodeAt(end) === stop.charCodeAt(length)) length += 1;
    fallbacks[end] = length;
  }
  return fallbacks;
}
