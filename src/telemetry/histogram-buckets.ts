// Upper bounds of histograms' buckets: those that OpenTelemetry's conventions recommend, and those of vLLM, for which
// dashboards are made.

/** Seconds of a whole request, as the GenAI conventions have them: 10 ms to 82 s, doubling. */
export const REQUEST_SECONDS = doubling(0.01, 14);

/** Seconds to the first token, as the GenAI conventions have them. */
export const FIRST_TOKEN_SECONDS = [
  ...[0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10],
];

/** Seconds for each token after the first, as the GenAI conventions have them, and finer where GPT-2 is. */
export const TOKEN_SECONDS = [
  ...[0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5],
];

/** Seconds to the first token, as vLLM has them. */
export const VLLM_FIRST_TOKEN_SECONDS = [...FIRST_TOKEN_SECONDS, 20, 40, 80, 160, 640, 2560];

/** Seconds between two tokens, as vLLM has them, and finer where GPT-2 is. */
export const VLLM_TOKEN_SECONDS = [...TOKEN_SECONDS, 5, 7.5, 10, 20, 40, 80];

/** Seconds of a request or a part of it, as vLLM has them. */
export const VLLM_REQUEST_SECONDS = [
  ...[0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680],
];

/** Tokens of a request: up to the context of GPT-2, and beyond for requests of several prompts. */
export const TOKEN_COUNTS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000];

/** Tokens by the GenAI conventions: powers of four. */
export const TOKEN_USAGE = [1, 4, 16, 64, 256, 1024, 4096, 16_384, 65_536];

/** Tokens of a step, as vLLM has them. */
export const VLLM_STEP_TOKENS = [1, ...doubling(8, 8)];

/** Sequences of a step. */
export const BATCH_SIZES = [1, 2, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 256];

/** Seconds of a step: 0.5 ms to 1 s, doubling. */
export const STEP_SECONDS = doubling(0.0005, 12);

/** Seconds of an HTTP request or a gRPC call, as OpenTelemetry's conventions have them. */
export const CALL_SECONDS = [
  0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 30, 60,
];

function doubling(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => Number((first * 2 ** i).toPrecision(6)));
}
