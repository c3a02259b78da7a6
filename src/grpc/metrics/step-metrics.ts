import { Counter, Histogram, type Registry } from 'prom-client';
import type { EngineObserver, StepStats } from '../../engine/index.js';
import {
  BATCH_SIZES,
  STEP_SECONDS,
  VLLM_STEP_TOKENS,
  VLLM_TOKEN_SECONDS,
} from '../../telemetry/histogram-buckets.js';
import { ModelTally, VLLM_LABELS } from './model-tally.js';

const MS = 1000;

/** The metrics of what models do, step by step. */
export class StepMetrics implements EngineObserver {
  readonly #registry: Registry;
  readonly #promptTokens: ModelTally;
  readonly #cachedTokens: ModelTally;
  readonly #generatedTokens: ModelTally;
  readonly #computedTokens: ModelTally;
  readonly #wastedTokens: Counter<'model' | 'phase'>;
  readonly #duration: Histogram<'model' | 'phase'>;
  readonly #batchSize: Histogram<'model'>;
  readonly #stepTokens: Histogram<'model_name' | 'engine'>;
  readonly #tokenGap: Histogram<'model_name' | 'engine'>;
  /** Bound to their labels, which is most of what an observation costs. */
  readonly #gaps = new Map<string, { observe(seconds: number): void }>();

  constructor(registry: Registry) {
    this.#registry = registry;
    this.#promptTokens = new ModelTally(registry, [
      { name: 'linnet_prompt_tokens_total', help: 'Tokens of prompts that were begun.' },
      { name: 'vllm:prompt_tokens_total', help: 'Tokens of prompts that were begun.' },
      { name: 'linnet_prefix_cache_queries_total', help: 'Tokens looked up in the prefix cache.' },
      { name: 'vllm:prefix_cache_queries_total', help: 'Tokens looked up in the prefix cache.' },
    ]);
    this.#cachedTokens = new ModelTally(registry, [
      { name: 'linnet_prefix_cache_hits_total', help: 'Tokens found in the prefix cache.' },
      { name: 'vllm:prefix_cache_hits_total', help: 'Tokens found in the prefix cache.' },
    ]);
    this.#generatedTokens = new ModelTally(registry, [
      { name: 'linnet_generated_tokens_total', help: 'Tokens generated.' },
      { name: 'vllm:generation_tokens_total', help: 'Tokens generated.' },
    ]);
    this.#computedTokens = new ModelTally(registry, [
      { name: 'linnet_computed_tokens_total', help: 'Tokens of prompts and completions that were computed.' },
    ]);
    this.#wastedTokens = new Counter({
      ...{ name: 'linnet_wasted_tokens_total', registers: [registry], labelNames: ['model', 'phase'] },
      help: 'Tokens computed for requests that then ended early, by the phase in which they were computed.',
    });
    this.#duration = new Histogram({
      ...{ name: 'linnet_step_duration_seconds', help: 'Time of a step: schedule, run, sample.' },
      ...{ labelNames: ['model', 'phase'], buckets: STEP_SECONDS, registers: [registry] },
    });
    this.#batchSize = this.#histogram('linnet_step_batch_size', 'Sequences that a decoding step advances.', {
      ...{ labelNames: ['model'], buckets: BATCH_SIZES },
    });
    this.#stepTokens = this.#histogram('vllm:iteration_tokens_total', 'Tokens that a step computes.', {
      ...{ labelNames: ['model_name', 'engine'], buckets: VLLM_STEP_TOKENS },
    });
    this.#tokenGap = this.#histogram('vllm:inter_token_latency_seconds', 'Time between two tokens.', {
      ...{ labelNames: ['model_name', 'engine'], buckets: VLLM_TOKEN_SECONDS },
    });
  }

  /** Tokens that all models have generated. */
  get generatedTokens(): number {
    return this.#generatedTokens.total;
  }

  onStep(model: string, stats: StepStats): void {
    this.#promptTokens.add(model, stats.promptTokens);
    this.#cachedTokens.add(model, stats.cachedTokens);
    this.#generatedTokens.add(model, stats.generatedTokens);
    this.#computedTokens.add(model, stats.computedTokens);
    const { wastedPromptTokens, wastedCompletionTokens } = stats;
    if (wastedPromptTokens > 0) this.#wastedTokens.inc({ model, phase: 'prefill' }, wastedPromptTokens);
    if (wastedCompletionTokens > 0)
      this.#wastedTokens.inc({ model, phase: 'decode' }, wastedCompletionTokens);
    if (stats.numSequences === 0) return;
    const phase = stats.isPrefill ? 'prefill' : 'decode';
    this.#duration.observe({ model, phase }, stats.durationMs / MS);
    this.#stepTokens.observe(VLLM_LABELS(model), stats.computedTokens);
    if (!stats.isPrefill) this.#batchSize.observe({ model }, stats.numSequences);
  }

  onTokenGap(model: string, gapMs: number): void {
    let bound = this.#gaps.get(model);
    if (bound === undefined) {
      bound = this.#tokenGap.labels(VLLM_LABELS(model));
      this.#gaps.set(model, bound);
    }
    bound.observe(gapMs / MS);
  }

  #histogram<Label extends string>(
    name: string,
    help: string,
    options: { readonly labelNames: Label[]; readonly buckets: number[] },
  ): Histogram<Label> {
    return new Histogram({ name, help, registers: [this.#registry], ...options });
  }
}
