import { z } from 'zod';

const port = z.int().min(0).max(65_535);
const ms = z.int().min(1).max(86_400_000);

const CONFIG = z
  .strictObject({
    /** The address to listen on. */
    host: z.string().min(1).default('127.0.0.1'),
    /** The port to listen on; 0 picks a free one. */
    port: port.default(8000),
    /** An absolute path: listens on this Unix socket in place of host and port. */
    socketPath: z.string().min(1).optional(),
    /**
     * Where the engines' gRPC services listen, in gRPC's name syntax, several with commas; what begins with `dns:` stands
     * for all addresses that the name has.
     */
    engineAddress: z
      .string()
      .regex(/^[^\s,]+(,[^\s,]+)*$/)
      .default('127.0.0.1:50051'),
    /** How long what a name resolved to holds. */
    resolveIntervalMs: ms.default(5000),
    /** HTTP/2 connections to each engine: the death of one ends only the streams that it carries. */
    numChannels: z.int().min(1).max(64).default(4),
    /** The largest request body, decompressed. */
    maxBodyBytes: z
      .int()
      .min(1)
      .max(64 * 1024 * 1024)
      .default(1024 * 1024),
    /** The most bytes of a request's headers; more is answered with 431. */
    maxHeaderBytes: z
      .int()
      .min(1024)
      .max(1024 * 1024)
      .default(16 * 1024),
    /** Whether `GET /metrics` is on the port too, for those whom the API keys let in. */
    exposeMetrics: z.boolean().default(true),
    /** How long a drain says that the gateway is not ready before it takes no more connections. */
    drainDelayMs: z.int().min(0).max(3_600_000).default(0),
    /** How long a stream is silent before a comment is sent, its headers first where they still wait. */
    pingIntervalMs: ms.default(10_000),
    /** How long a client may read nothing before its stream is cut. Longer than `pingIntervalMs`. */
    stallTimeoutMs: ms.default(60_000),
    /** How long the engine has to end a cancelled stream before the call is reset. */
    cancelGraceMs: ms.default(1000),
    /** How long the engine has to answer what it can answer at once: health and models. */
    statusTimeoutMs: ms.default(1000),
    /** How long the engine has to turn text into tokens or back. */
    tokenizeTimeoutMs: ms.default(10_000),
  })
  .refine((config) => config.pingIntervalMs < config.stallTimeoutMs, {
    path: ['stallTimeoutMs'],
    message: 'must be longer than pingIntervalMs',
  });

/** Everything that can be set about the gateway, checked. */
export type GatewayConfig = Readonly<z.output<typeof CONFIG>>;

/** Settings of the gateway as they come from outside; what is left out has its default. */
export type GatewaySettings = z.input<typeof CONFIG>;

/**
 * Parses the gateway's settings.
 *
 * @throws Error that names each setting at fault, in one line.
 */
export function parseGatewayConfig(settings: unknown): GatewayConfig {
  const parsed = CONFIG.safeParse(settings);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(
    ({ path, message }) => `${path.join('.') || 'settings'}: ${message}`,
  );
  throw new Error(`The gateway's settings are not valid. ${problems.join('; ')}.`);
}
