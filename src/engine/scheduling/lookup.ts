/** The longest and the shortest ending of a sequence that is looked for. */
const LONGEST_ENDING = 3;
const SHORTEST_ENDING = 2;

/** How many tokens are drafted, so many that with the token before them their number is even. */
const DRAFT_LENGTHS = [1, 3, 7, 15];
/** After drafts that failed, so many tokens at most are generated without any. */
const LONGEST_PAUSE = 64;

/**
 * Drafts a sequence's next tokens from its own text: where its ending occurred before, what followed then may follow
 * now (prompt lookup decoding, github.com/apoorvumang/prompt-lookup-decoding). One run then checks all drafts. It
 * drafts more while drafts hold, and pauses longer and longer while they fail, so that text that does not repeat
 * itself costs next to nothing.
 */
export class Lookup {
  #lengthIndex = 0;
  #pause = 0;
  #nextPause = 1;

  /**
   * Writes drafts behind a sequence's tokens, and returns how many.
   *
   * @param tokenIds with room behind the first `numTokens`
   * @param maxDrafts the most that may be written
   */
  draft(tokenIds: Int32Array, numTokens: number, maxDrafts: number): number {
    if (this.#pause > 0) {
      this.#pause--;
      return 0;
    }
    const length = Math.min(DRAFT_LENGTHS[this.#lengthIndex]!, maxDrafts);
    const source = length > 0 ? findEnding(tokenIds, numTokens) : -1;
    if (source < 0) return 0;
    // What is copied may itself have been copied: a text that repeats itself can be drafted beyond its end.
    for (let i = 0; i < length; i++) tokenIds[numTokens + i] = tokenIds[source + i]!;
    return length;
  }

  /** Learns how many of the last drafts were right. */
  learn(numDrafts: number, numAccepted: number): void {
    if (numDrafts === 0) return;
    if (numAccepted === numDrafts)
      this.#lengthIndex = Math.min(this.#lengthIndex + 1, DRAFT_LENGTHS.length - 1);
    else if (numAccepted < numDrafts / 2) this.#lengthIndex = Math.max(this.#lengthIndex - 1, 0);
    if (numAccepted > 0) {
      this.#nextPause = 1;
    } else {
      this.#pause = this.#nextPause;
      this.#nextPause = Math.min(2 * this.#nextPause, LONGEST_PAUSE);
    }
  }
}

/** Where what followed the latest earlier occurrence of the ending begins; -1 if it never occurred. */
function findEnding(tokenIds: Int32Array, numTokens: number): number {
  for (let length = LONGEST_ENDING; length >= SHORTEST_ENDING; length--) {
    const ending = numTokens - length;
    for (let start = ending - 1; start >= 0; start--) {
      let same = 0;
      while (same < length && tokenIds[start + same] === tokenIds[ending + same]) same++;
      if (same === length) return start + length;
    }
  }
  return -1;
}
