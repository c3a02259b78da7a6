/** Whole numbers from `low` to `high`, both included. */
export interface Range {
  readonly low: number;
  readonly high: number;
}

/** How requests come: so many a second whatever becomes of them, or from clients who each wait for their answer. */
export type Arrivals =
  | { readonly kind: 'open'; readonly ratePerSecond: number }
  | { readonly kind: 'closed'; readonly clients: number; readonly thinkMs: number };

/** What a load is made of. */
export interface LoadOptions {
  /** `http://HOST:PORT` or `https://HOST:PORT` of a gateway, or `grpc://` or `grpcs://HOST:PORT` of a service. */
  readonly target: string;
  readonly arrivals: Arrivals;
  /** How long requests are sent. What runs then may finish. Milliseconds. */
  readonly durationMs: number;
  /** Lengths of the prompts, in tokens. Short ones are as frequent as long ones are on a logarithmic scale. */
  readonly promptTokens: Range;
  /** Lengths of the completions, in tokens; spread as the prompts' are. */
  readonly completionTokens: Range;
  /** How many different requests there are. They are the same for the same seed. */
  readonly variety: number;
  /** Share of the requests whose client leaves before the end. In [0, 1]. */
  readonly leaverShare: number;
  readonly temperature: number;
  readonly seed: number;
  /** The model's id; empty for the default one. */
  readonly model: string;
  /** Asks for each request once before the load, and compares every text with that one. */
  readonly isChecked: boolean;
  /** Where `/metrics` is read before and after; undefined for nowhere. */
  readonly metricsUrl: string | undefined;
  readonly apiKey: string | undefined;
  /** After which a request counts as failed. Milliseconds. */
  readonly timeoutMs: number;
  /** Requests that may be under way; an open loop sends no more than these, and counts what it did not send. */
  readonly maxInFlight: number;
}
