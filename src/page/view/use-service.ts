import { useEffect, useState } from 'preact/hooks';
import { getServiceInfo, listModels, type Model, type ServiceInfo } from '../api/service.js';
import { ServiceFailure } from '../api/service-failure.js';

/** What the service says of itself, as far as it is known. */
export interface ServiceState {
  readonly models: readonly Model[] | undefined;
  readonly info: ServiceInfo | undefined;
  /** Whether it refuses to tell the models without a key, or with this one. */
  readonly needsKey: boolean;
}

/**
 * Asks the service what it is and which models it has, with the page and again whenever `occasion` changes. Where it
 * does not say, what was known before stays.
 */
export function useService(key: string, occasion: unknown): ServiceState {
  const [state, setState] = useState<ServiceState>({
    ...{ models: undefined, info: undefined, needsKey: false },
  });
  useEffect(() => {
    const { signal, abort } = createAbort();
    const learn = (part: Partial<ServiceState>) => {
      if (!signal.aborted) setState((known) => ({ ...known, ...part }));
    };
    listModels({ key, signal }).then(
      (models) => learn({ models, needsKey: false }),
      (failure) => learn({ needsKey: isForWantOfKey(failure) }),
    );
    getServiceInfo({ key, signal }).then(
      (info) => learn({ info }),
      () => undefined,
    );
    return abort;
  }, [key, occasion]);
  return state;
}

/** Tells whether a failure is the service's word that it wants another key. */
export function isForWantOfKey(failure: unknown): boolean {
  return failure instanceof ServiceFailure && failure.details.status === 401;
}

function createAbort() {
  const controller = new AbortController();
  return { signal: controller.signal, abort: () => controller.abort() };
}
