import { readFailure, ServiceFailure } from './service-failure.js';

/** How the service is called. */
export interface ServiceAccess {
  /** The API key; empty for none. */
  readonly key: string;
  /** Ends the call. */
  readonly signal?: AbortSignal | undefined;
}

/** A model, as far as the page shows it. */
export interface Model {
  readonly id: string;
  readonly state: string;
  /** The most tokens of prompt and completion together. */
  readonly context_length?: number;
}

/** What the service tells of itself. */
export interface ServiceInfo {
  readonly version: string;
  /** Where the gRPC service listens, if it is on the same machine. */
  readonly grpc_address?: string;
}

/**
 * Calls the service. Paths are relative to the page, since a proxy may put the service below any path.
 *
 * @throws ServiceFailure where nobody answers or the status is not 200; the signal's reason where that ended it.
 */
export async function callService(
  path: string,
  { key, signal, body }: ServiceAccess & { readonly body?: object },
): Promise<Response> {
  const headers = new Headers({ accept: 'application/json' });
  if (key !== '') headers.set('authorization', `Bearer ${key}`);
  if (body !== undefined) headers.set('content-type', 'application/json');
  const init: RequestInit = { headers, signal: signal ?? null };
  const post = { method: 'POST', body: JSON.stringify(body) };
  let response: Response;
  try {
    response = await fetch(path, body === undefined ? init : { ...init, ...post });
  } catch (caught) {
    signal?.throwIfAborted();
    throw ServiceFailure.from(caught, 'unreachable');
  }
  if (!response.ok) throw await readFailure(response);
  return response;
}

/** Lists the models, the default one first. Throws as `callService` does. */
export async function listModels(access: ServiceAccess): Promise<readonly Model[]> {
  const response = await callService('v1/models', access);
  return ((await response.json()) as { readonly data: readonly Model[] }).data;
}

/** Asks the service what it is. Throws as `callService` does. */
export async function getServiceInfo(access: ServiceAccess): Promise<ServiceInfo> {
  const response = await callService('./', access);
  return (await response.json()) as ServiceInfo;
}
