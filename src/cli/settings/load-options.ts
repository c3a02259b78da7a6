import type { Command } from 'commander';
import type { Arrivals, LoadOptions, Range } from '../../load/load-options.js';
import { UsageError } from '../cli-error.js';
import { parseCountArgument, parseNumberArgument } from './number-argument.js';
import { parseDuration } from './quantity.js';

/** The flags of `linnet load`, as they were given. */
export interface LoadFlags {
  readonly rate?: number;
  readonly clients: number;
  readonly think: string;
  readonly duration: string;
  readonly promptTokens: string;
  readonly maxTokens: string;
  readonly variety: number;
  readonly leavers: number;
  readonly temperature: number;
  readonly seed: number;
  readonly model: string;
  readonly check?: true;
  readonly metrics?: string;
  readonly timeout: string;
  readonly maxInFlight: number;
  readonly json?: string;
}

/** Adds the flags that make up a load. */
export function addLoadOptions(command: Command): void {
  command
    .option('--clients <count>', 'closed loop: clients who each wait for their answer', parseCountArgument, 8)
    .option('--think <time>', 'how long on average a client waits before it asks again', '0ms')
    .option('--rate <number>', 'open loop: requests a second, whatever becomes of them', parseNumberArgument)
    .option('--max-in-flight <count>', 'most requests under way in an open loop', parseCountArgument, 10_000)
    .option('--duration <time>', 'how long requests are sent', '30s')
    .option('--prompt-tokens <range>', 'length of the prompts, such as 10-200', '10-200')
    .option('--max-tokens <range>', 'length of the completions', '10-100')
    .option('--variety <count>', 'how many different requests there are', parseCountArgument, 20)
    .option('--leavers <share>', 'share of the clients who leave early, 0 to 1', parseNumberArgument, 0)
    .option('--temperature <number>', 'temperature of the requests', parseNumberArgument, 0)
    .option('--seed <number>', 'makes the same load again', parseCountArgument, 1)
    .option('--model <id>', "the model's id; without it the default model", '')
    .option('--check', 'ask for each request once before, and compare every text with that one')
    .option(
      '--metrics <url>',
      "where metrics are read before and after; a gateway's own by default, or `none`",
    )
    .option('--timeout <time>', 'after which a request counts as failed', '2m')
    .option('--json <file>', 'write the result to a file');
}

/**
 * Makes a load of the command line; the API key is LINNET_API_KEY.
 *
 * @throws UsageError where a flag makes no sense.
 */
export function toLoadOptions(target: string, flags: LoadFlags, environment: NodeJS.ProcessEnv): LoadOptions {
  if (!/^(https?|grpcs?):\/\/./.test(target) || !URL.canParse(target)) {
    throw new UsageError(`${target} is no target; give http://HOST:PORT or grpc://HOST:PORT.`);
  }
  const { leavers, variety, temperature, seed, model, maxInFlight } = flags;
  if (!(leavers >= 0 && leavers <= 1)) throw new UsageError('--leavers must be from 0 to 1.');
  if (!(variety >= 1 && variety <= 10_000)) throw new UsageError('--variety must be from 1 to 10000.');
  return {
    target,
    arrivals: toArrivals(flags),
    durationMs: toMs('--duration', flags.duration),
    promptTokens: toRange('--prompt-tokens', flags.promptTokens),
    completionTokens: toRange('--max-tokens', flags.maxTokens),
    variety,
    leaverShare: leavers,
    temperature,
    seed,
    model,
    isChecked: flags.check ?? false,
    metricsUrl: toMetricsUrl(target, flags.metrics),
    apiKey: environment['LINNET_API_KEY'] || undefined,
    timeoutMs: toMs('--timeout', flags.timeout),
    maxInFlight,
  };
}

function toArrivals({ rate, clients, think }: LoadFlags): Arrivals {
  if (rate === undefined) {
    if (!(clients >= 1 && clients <= 10_000)) throw new UsageError('--clients must be from 1 to 10000.');
    return { kind: 'closed', clients, thinkMs: toMs('--think', think) };
  }
  if (!(rate > 0 && rate <= 100_000)) throw new UsageError('--rate must be above 0, and at most 100000.');
  return { kind: 'open', ratePerSecond: rate };
}

function toMetricsUrl(target: string, flag: string | undefined): string | undefined {
  if (flag === 'none') return undefined;
  if (flag !== undefined) return flag;
  return target.startsWith('http') ? new URL('/metrics', target).href : undefined;
}

function toMs(flag: string, text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined) throw new UsageError(`${flag} ${text}: give a time such as 30s, 250ms or 5m.`);
  return ms;
}

function toRange(flag: string, text: string): Range {
  const [, low = '', high = low] = /^(\d{1,6})(?:-(\d{1,6}))?$/.exec(text) ?? [];
  const range = { low: Number(low), high: Number(high) };
  if (low !== '' && range.low >= 1 && range.low <= range.high) return range;
  throw new UsageError(`${flag} ${text}: give a number of tokens from 1, or a range such as 10-200.`);
}
