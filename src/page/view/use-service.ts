import { useEffect, useState } from 'preact/hooks';
import { getServiceInfo, listModels, type Model, type ServiceInfo } from '../api/service.js';

/** What the service says of itself, as far as it is known. */
export interface ServiceState {
  readonly models: readonly Model[] | undefined;
  readonly info: ServiceInfo | undefined;
}

/**
 * Asks the service what it is and which models it has, with the page and again whenever `occasion` changes. Where it
 * does not say, what was known before stays.
 */
export function useService(key: string, occasion: unknown): ServiceState {
  const [state, setState] = useState<ServiceState>({ models: undefined, info: undefined });
  useEffect(() => {
    const { signal, abort } = createAbort();
    const learn = (part: Partial<ServiceState>) => {
      if (!signal.aborted) setState((known) => ({ ...known, ...part }));
    };
    const ignore = () => undefined;
    listModels({ key, signal }).then((models) => learn({ models }), ignore);
    getServiceInfo({ key, signal }).then((info) => learn({ info }), ignore);
    return abort;
  }, [key, occasion]);
  return state;
}

function createAbort() {
  const controller = new AbortController();
  return { signal: controller.signal, abort: () => controller.abort() };
}
