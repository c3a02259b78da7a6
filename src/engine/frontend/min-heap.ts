/** Numbers of which the least is taken first. */
export class MinHeap {
  readonly #numbers: Float64Array;
  #size = 0;

  /** @param capacity The most numbers that it holds at one time. */
  constructor(capacity: number) {
    this.#numbers = new Float64Array(capacity);
  }

  get size(): number {
    return this.#size;
  }

  clear(): void {
    this.#size = 0;
  }

  push(number: number): void {
    const numbers = this.#numbers;
    let child = this.#size;
    this.#size += 1;
    while (child > 0) {
      const parent = (child - 1) >> 1;
      if (numbers[parent]! <= number) break;
      numbers[child] = numbers[parent]!;
      child = parent;
    }
    numbers[child] = number;
  }

  /** Takes the least number; the heap must not be empty. */
  pop(): number {
    const numbers = this.#numbers;
    const least = numbers[0]!;
    this.#size -= 1;
    const size = this.#size;
    const last = numbers[size]!;
    let parent = 0;
    for (let child = 1; child < size; child = 2 * parent + 1) {
      if (child + 1 < size && numbers[child + 1]! < numbers[child]!) child += 1;
      if (last <= numbers[child]!) break;
      numbers[parent] = numbers[child]!;
      parent = child;
    }
    numbers[parent] = last;
    return least;
  }
}
