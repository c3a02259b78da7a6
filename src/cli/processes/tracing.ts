import { openTracer, type Tracer } from '../../telemetry/tracer.js';
import type { Settings } from '../settings/settings.js';
import type { Log } from '../terminal/log.js';
import { VERSION } from '../version.js';

/** Opens the traces of a process where the settings say where they go. Closing it never fails. */
export async function openTracing(
  { otlpEndpoint }: Settings,
  service: 'linnet-gateway' | 'linnet-engine',
  log: Log,
): Promise<Tracer | undefined> {
  if (otlpEndpoint === undefined) return undefined;
  const tracer = await openTracer({ endpoint: otlpEndpoint, service, version: VERSION });
  return {
    start: (name, parent) => tracer.start(name, parent),
    close: () =>
      tracer.close().catch((error: unknown) => {
        log.warn({ err: error }, 'The last traces could not be sent.');
      }),
  };
}
