/** The longest that an event waits where nothing is drawn, as in a page that is not seen. */
const LONGEST_WAIT_MS = 250;

/** Gathers events and hands them on with the next frame, so that the page is drawn once for all that came meanwhile. */
export class EventBatch<Event> {
  readonly #handle: (events: readonly Event[]) => void;
  readonly #signal: AbortSignal;
  #events: Event[] = [];
  #frame = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param handle takes what has gathered, in order.
   * @param signal after which nothing is handed on any more.
   */
  constructor(handle: (events: readonly Event[]) => void, signal: AbortSignal) {
    this.#handle = handle;
    this.#signal = signal;
  }

  /** Adds an event. */
  add(event: Event): void {
    this.#events.push(event);
    if (this.#timer !== undefined) return;
    this.#frame = requestAnimationFrame(this.#flush);
    this.#timer = setTimeout(this.#flush, LONGEST_WAIT_MS);
  }

  readonly #flush = (): void => {
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const events = this.#events;
    this.#events = [];
    if (!this.#signal.aborted) this.#handle(events);
  };
}
