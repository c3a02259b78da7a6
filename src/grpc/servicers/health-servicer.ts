import { status } from '@grpc/grpc-js';
import {
  HealthCheckRequest,
  type HealthCheckResponse,
  HealthListRequest,
  type HealthListResponse,
  HealthService,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from '../../contract/gen/grpc/health/v1/health.js';
import { type Rpc, type RpcOptions, type StreamingCall, serverStreamRpc, unaryRpc } from '../calls/rpc.js';
import { StatusError } from '../calls/status-mapper.js';
import type { ServiceHealth } from './service-health.js';

/** Makes the RPCs of `grpc.health.v1.Health`. */
export function createHealthRpcs(health: ServiceHealth, options: RpcOptions) {
  const check = unaryRpc(
    {
      method: HealthService.check,
      request: HealthCheckRequest,
      answer: ({ service }): HealthCheckResponse => ({ status: knownStatus(health, service) }),
    },
    options,
  );
  const list = unaryRpc(
    { method: HealthService.list, request: HealthListRequest, answer: () => listStatuses(health) },
    options,
  );
  const watch = serverStreamRpc(
    {
      method: HealthService.watch,
      request: HealthCheckRequest,
      answer: ({ service }, call) => watchStatus(health, service, call),
    },
    options,
  );
  return { check, watch, list } satisfies Record<keyof typeof HealthService, Rpc>;
}

function knownStatus(health: ServiceHealth, service: string): ServingStatus {
  const serving = health.statusOf(service);
  if (serving !== ServingStatus.SERVICE_UNKNOWN) return serving;
  const known = health.services.map((name) => `"${name}"`).join(', ');
  throw new StatusError(status.NOT_FOUND, `There is no such service; there is: ${known}.`);
}

function listStatuses(health: ServiceHealth): HealthListResponse {
  const entries = health.services.map((service) => [service, { status: health.statusOf(service) }] as const);
  return { statuses: Object.fromEntries(entries) };
}

/** Streams the status now and after each change; a caller that reads slowly misses what has passed meanwhile. */
async function watchStatus(
  health: ServiceHealth,
  service: string,
  { scope, responses }: StreamingCall<HealthCheckResponse>,
): Promise<void> {
  let sent: ServingStatus | undefined;
  for (;;) {
    const serving = health.statusOf(service);
    if (serving === sent) {
      await health.changed(scope.signal);
    } else {
      sent = serving;
      if (!responses.write({ status: serving })) await responses.drained();
    }
  }
}
