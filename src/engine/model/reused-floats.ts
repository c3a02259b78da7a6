/** Memory for numbers that are written anew in each step, as much as the step with the most of them took. */
export class ReusedFloats {
  #memory = new Float32Array();
  readonly #onGrow: () => void;

  /** @param onGrow is called when what was taken before lies in memory of its own, and is better let go. */
  constructor(onGrow: () => void = () => {}) {
    this.#onGrow = onGrow;
  }

  /** The first `size` of them, which may hold anything. */
  take(size: number): Float32Array {
    if (this.#memory.length < size) {
      this.#memory = new Float32Array(size);
      this.#onGrow();
    }
    return this.#memory.subarray(0, size);
  }

  /** Lets the memory go. */
  drop(): void {
    this.#memory = new Float32Array();
    this.#onGrow();
  }
}
