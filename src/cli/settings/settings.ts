import { z } from 'zod';
import { isGrpcAddress } from './network-address.js';
import { formatByteSize, formatDuration, parseByteSize, parseDuration } from './quantity.js';
import { SECURITY_SETTINGS } from './security-settings.js';
import { formatYesOrNo, port, quantity, type Setting, setting, wholeNumber, yesOrNo } from './setting.js';
import { TELEMETRY_SETTINGS } from './telemetry-settings.js';

/** Everything that can be configured, in the order in which `linnet config` prints it. */
export const SETTINGS = {
  host: setting({
    name: 'host',
    flag: '--host <address>',
    variable: 'LINNET_HOST',
    description: 'address on which both servers listen',
    allowed: 'an IP address or a host name',
    default: '127.0.0.1',
    schema: z
      .string()
      .trim()
      .regex(/^[\w.:%-]+$/),
  }),
  httpPort: setting({
    name: 'httpPort',
    flag: '--http-port <port>',
    variable: 'LINNET_HTTP_PORT',
    description: 'port of the HTTP gateway',
    allowed: 'a whole number from 0 to 65535; 0 picks a free port',
    default: '8000',
    schema: port,
  }),
  grpcPort: setting({
    name: 'grpcPort',
    flag: '--grpc-port <port>',
    variable: 'LINNET_GRPC_PORT',
    description: 'port of the gRPC service',
    allowed: 'a whole number from 0 to 65535; 0 picks a free port',
    default: '50051',
    schema: port,
  }),
  engineAddress: setting({
    name: 'engineAddress',
    flag: '--engine-address <addresses>',
    variable: 'LINNET_ENGINE_ADDRESS',
    description: 'where `linnet gateway` and `linnet models` find the gRPC service',
    allowed: 'HOST:PORT, several of them with commas, or dns:///NAME:PORT for all addresses of a name',
    default: '127.0.0.1:50051',
    schema: z
      .string()
      .trim()
      .refine((addresses) => addresses.split(',').every(isGrpcAddress)),
  }),
  models: setting({
    name: 'model',
    flag: '--model <model>',
    variable: 'LINNET_MODEL',
    description:
      'model to serve, or several: the flag again, commas in the variable, a list in the config file',
    allowed:
      '`fable`, a folder, a model on the Hub such as gpt2 or OWNER/NAME@REVISION, or ID=MODEL, or a list of these',
    default: 'fable',
    isList: true,
    schema: z
      .union([z.string().transform(parseList), z.array(z.string())])
      .pipe(z.array(z.string().trim().min(1)).min(1)),
    format: formatList,
  }),
  precision: setting({
    name: 'precision',
    flag: '--precision <precision>',
    variable: 'LINNET_PRECISION',
    description: 'how weights are stored and multiplied',
    allowed: 'f32, q8, i8 or q4',
    default: 'i8',
    schema: z.enum(['f32', 'q8', 'i8', 'q4']),
  }),
  deterministic: setting({
    name: 'deterministic',
    flag: '--deterministic [yes|no]',
    variable: 'LINNET_DETERMINISTIC',
    description: 'make completions independent of what else runs at q4 too, where that costs speed',
    allowed: 'yes or no',
    default: 'no',
    schema: yesOrNo,
    format: formatYesOrNo,
  }),
  lookup: setting({
    name: 'lookup',
    flag: '--lookup [yes|no]',
    variable: 'LINNET_LOOKUP',
    description: 'let single streams guess ahead from their own text: faster where it repeats, not bit-exact',
    allowed: 'yes or no',
    default: 'no',
    schema: yesOrNo,
    format: formatYesOrNo,
  }),
  cacheDirectory: setting({
    name: 'cacheDir',
    flag: '--cache-dir <folder>',
    variable: 'LINNET_CACHE_DIR',
    description: 'folder for quantized weights; auto is `linnet` in XDG_CACHE_HOME or ~/.cache',
    allowed: 'auto or the path of a folder',
    default: 'auto',
    schema: z.string().trim().min(1),
  }),
  preload: setting({
    name: 'preload',
    flag: '--preload [yes|no]',
    variable: 'LINNET_PRELOAD',
    description: 'load the (first) model at the start, not with the first request',
    allowed: 'yes or no',
    default: 'no',
    schema: yesOrNo,
    format: formatYesOrNo,
  }),
  threads: setting({
    name: 'threads',
    flag: '--threads <count>',
    variable: 'LINNET_THREADS',
    description: 'threads that compute',
    allowed: 'auto or a whole number from 1 to 256',
    default: 'auto',
    schema: z.union([z.literal('auto'), wholeNumber(1, 256)]),
  }),
  kvCacheBytes: setting({
    name: 'kvCache',
    flag: '--kv-cache <size>',
    variable: 'LINNET_KV_CACHE',
    description: "memory for each model's KV cache",
    allowed: 'at least 1MiB, such as 512MiB or 2GiB',
    default: '1GiB',
    schema: quantity(parseByteSize, 2 ** 20, 2 ** 50),
    format: formatByteSize,
  }),
  memoryBytes: setting({
    name: 'memory',
    flag: '--memory <size>',
    variable: 'LINNET_MEMORY',
    description: 'memory for all models together, their KV caches included; auto is 80 % of what there is',
    allowed: 'auto, or at least 1MiB, such as 512MiB or 8GiB',
    default: 'auto',
    schema: z.union([z.literal('auto'), quantity(parseByteSize, 2 ** 20, 2 ** 50)]),
    format: (value) => (value === 'auto' ? value : formatByteSize(value)),
  }),
  unloadAfterMs: setting({
    name: 'unloadAfter',
    flag: '--unload-after <time>',
    variable: 'LINNET_UNLOAD_AFTER',
    description: 'how long a model that nobody uses stays in memory',
    allowed: 'never, or a time from 1s to 24h, such as 90s or 10m',
    default: 'never',
    schema: z.union([z.literal('never'), quantity(parseDuration, 1000, 86_400_000)]),
    format: (value) => (value === 'never' ? value : formatDuration(value)),
  }),
  maxRunningRequests: setting({
    name: 'maxRunningRequests',
    flag: '--max-running-requests <count>',
    variable: 'LINNET_MAX_RUNNING_REQUESTS',
    description: 'requests of a model that run at a time',
    allowed: 'a whole number from 1 to 100000',
    default: '64',
    schema: wholeNumber(1, 100_000),
  }),
  maxWaitingRequests: setting({
    name: 'maxWaitingRequests',
    flag: '--max-waiting-requests <count>',
    variable: 'LINNET_MAX_WAITING_REQUESTS',
    description: 'requests of a model that may wait for their turn; more are refused',
    allowed: 'a whole number from 0 to 100000',
    default: '512',
    schema: wholeNumber(0, 100_000),
  }),
  maxWaitingTokens: setting({
    name: 'maxWaitingTokens',
    flag: '--max-waiting-tokens <count>',
    variable: 'LINNET_MAX_WAITING_TOKENS',
    description: "prompt tokens, in all, of a model's requests that wait; more are refused",
    allowed: 'a whole number from 1 to 1000000000',
    default: '131072',
    schema: wholeNumber(1, 1_000_000_000),
  }),
  maxWaitMs: setting({
    name: 'maxWait',
    flag: '--max-wait <time>',
    variable: 'LINNET_MAX_WAIT',
    description:
      'how long a request may have to wait for its turn, as predicted; it is refused where it would be longer',
    allowed: 'never, or a time from 1ms to 24h, such as 500ms or 30s',
    default: '30s',
    schema: z.union([z.literal('never'), quantity(parseDuration, 1, 86_400_000)]),
    format: (value) => (value === 'never' ? value : formatDuration(value)),
  }),
  stepLimitMs: setting({
    name: 'stepLimit',
    flag: '--step-limit <time>',
    variable: 'LINNET_STEP_LIMIT',
    description: 'how long a step of the engine may take before health says that it does not serve',
    allowed: 'a time from 1s to 1h, such as 10s or 1m',
    default: '10s',
    schema: quantity(parseDuration, 1000, 3_600_000),
    format: formatDuration,
  }),
  drainGraceMs: setting({
    name: 'drainGrace',
    flag: '--drain-grace <time>',
    variable: 'LINNET_DRAIN_GRACE',
    description: 'how long running requests may take to finish at the end',
    allowed: 'a time from 0 to 1h, such as 500ms, 30s or 2m',
    default: '30s',
    schema: quantity(parseDuration, 0, 3_600_000),
    format: formatDuration,
  }),
  drainDelayMs: setting({
    name: 'drainDelay',
    flag: '--drain-delay <time>',
    variable: 'LINNET_DRAIN_DELAY',
    description: 'how long health says that the end has begun before requests are refused',
    allowed: 'a time from 0 to 1h, such as 500ms, 5s or 2m',
    default: '0ms',
    schema: quantity(parseDuration, 0, 3_600_000),
    format: formatDuration,
  }),
  ...SECURITY_SETTINGS,
  ...TELEMETRY_SETTINGS,
} as const;

/** The key of a setting. */
export type SettingKey = keyof typeof SETTINGS;

/** A value for every setting. */
export type Settings = { readonly [Key in SettingKey]: z.output<(typeof SETTINGS)[Key]['schema']> };

/** Every key, in order. */
export const SETTING_KEYS = Object.keys(SETTINGS) as readonly SettingKey[];

/** Writes the value of a setting as one would type it. */
export function formatSetting<Key extends SettingKey>(key: Key, settings: Settings): string {
  // The table's types tie each format to its own value; TypeScript can't follow that through a generic key.
  const { format } = SETTINGS[key] as unknown as Setting<Settings[Key]>;
  return format(settings[key]);
}

/** Says all settings in environment variables, for a process of ours that must have the same. */
export function toEnvironment(settings: Settings): Record<string, string> {
  return Object.fromEntries(
    SETTING_KEYS.map((key) => [SETTINGS[key].variable, formatSetting(key, settings)]),
  );
}

/** Splits at commas, unless it is a list in JSON. */
function parseList(text: string): unknown {
  if (!text.startsWith('[')) return text.split(',');
  try {
    return JSON.parse(text);
  } catch {
    return [];
  }
}

function formatList(items: readonly string[]): string {
  return items.some((item) => /^\[|,/.test(item)) ? JSON.stringify(items) : items.join(',');
}
