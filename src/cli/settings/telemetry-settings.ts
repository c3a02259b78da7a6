import { z } from 'zod';
import { formatOptional, formatYesOrNo, port, setting, yesOrNo } from './setting.js';

/** What both processes tell of themselves: metrics, traces, logs. */
export const TELEMETRY_SETTINGS = {
  metricsPort: setting({
    name: 'metricsPort',
    flag: '--metrics-port <port>',
    variable: 'LINNET_METRICS_PORT',
    description:
      "port for `/metrics` alone, in plain HTTP and without API keys; none leaves it on the gateway's port",
    allowed: 'none or a whole number from 0 to 65535; 0 picks a free port',
    default: 'none',
    schema: z.union([z.literal('none').transform(() => undefined), port]),
    format: formatOptional,
  }),
  logText: setting({
    name: 'logText',
    flag: '--log-text [yes|no]',
    variable: 'LINNET_LOG_TEXT',
    description: "write prompts and completions into the engine's log, which else never has them",
    allowed: 'yes or no',
    default: 'no',
    schema: yesOrNo,
    format: formatYesOrNo,
  }),
  allowFaults: setting({
    name: 'allowFaults',
    flag: '--allow-faults [yes|no]',
    variable: 'LINNET_ALLOW_FAULTS',
    description:
      'let requests ask for delays and failures by x-linnet-fault: for tests, never for the public',
    allowed: 'yes or no',
    default: 'no',
    schema: yesOrNo,
    format: formatYesOrNo,
  }),
  otlpEndpoint: setting({
    name: 'otlpEndpoint',
    flag: '--otlp-endpoint <url>',
    variable: 'OTEL_EXPORTER_OTLP_ENDPOINT',
    description: 'collector that takes traces by OTLP over HTTP',
    allowed: 'none or a URL such as http://localhost:4318',
    default: 'none',
    schema: z.union([z.literal('none').transform(() => undefined), z.url({ protocol: /^https?$/ })]),
    format: formatOptional,
  }),
  logLevel: setting({
    name: 'logLevel',
    flag: '--log-level <level>',
    variable: 'LINNET_LOG_LEVEL',
    description: 'least severe level that is logged',
    allowed: 'trace, debug, info, warn, error or silent',
    default: 'info',
    schema: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']),
  }),
  logFormat: setting({
    name: 'log',
    flag: '--log <format>',
    variable: 'LINNET_LOG',
    description: 'how the log is written; auto is lines for people on a terminal, and JSON elsewhere',
    allowed: 'auto or json',
    default: 'auto',
    schema: z.enum(['auto', 'json']),
  }),
} as const;
