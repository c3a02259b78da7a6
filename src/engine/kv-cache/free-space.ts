/** A stretch of positions. */
export interface Extent {
  readonly start: number;
  readonly length: number;
}

/** Says which positions of a range are free. The lowest are given first, so that what was used before is used again. */
export class FreeSpace {
  readonly #size: number;
  /** Ascending; no two touch. */
  readonly #holes: Extent[];

  /** Makes a range of which all `size` positions are free. */
  constructor(size: number) {
    this.#size = size;
    this.#holes = [{ start: 0, length: size }];
  }

  /** Whether nothing is taken. */
  get isWhole(): boolean {
    return this.#holes[0]?.length === this.#size;
  }

  /** Takes the lowest extent of a length above zero; undefined if no hole is long enough. */
  take(length: number): Extent | undefined {
    const hole = this.#holes.findIndex((extent) => extent.length >= length);
    return hole < 0 ? undefined : this.#cut(hole, length);
  }

  /** Takes the extent that begins right at `start`; undefined if it isn't free. */
  takeAt(start: number, length: number): Extent | undefined {
    const hole = this.#holes.findIndex((extent) => extent.start === start && extent.length >= length);
    return hole < 0 ? undefined : this.#cut(hole, length);
  }

  /** Frees an extent, or several neighbours at once, that were taken. */
  give({ start, length }: Extent): void {
    const after = this.#holes.findIndex((hole) => hole.start > start);
    const at = after < 0 ? this.#holes.length : after;
    const [before, next] = [this.#holes[at - 1], this.#holes[at]];
    const joinsBefore = before !== undefined && endOf(before) === start;
    const joinsNext = next?.start === start + length;
    const from = joinsBefore ? before.start : start;
    const end = joinsNext ? endOf(next) : start + length;
    this.#holes.splice(at - Number(joinsBefore), Number(joinsBefore) + Number(joinsNext), {
      start: from,
      length: end - from,
    });
  }

  #cut(hole: number, length: number): Extent {
    const { start, length: present } = this.#holes[hole]!;
    const rest = present > length ? [{ start: start + length, length: present - length }] : [];
    this.#holes.splice(hole, 1, ...rest);
    return { start, length };
  }
}

function endOf({ start, length }: Extent): number {
  return start + length;
}
