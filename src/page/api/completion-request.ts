/** The body of a completion request: the fields that the page sets, by the names of the HTTP API. */
export interface CompletionRequest {
  readonly model?: string;
  readonly prompt?: string;
  readonly max_tokens: number;
  readonly temperature?: number;
  readonly top_p?: number;
  readonly top_k?: number;
  readonly min_p?: number;
  readonly presence_penalty?: number;
  readonly frequency_penalty?: number;
  readonly repetition_penalty?: number;
  /** A string of digits where a number could not hold it exactly. */
  readonly seed?: number | string;
}
