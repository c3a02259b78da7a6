import type { Response } from 'express';
import { ERROR_CATALOGUE } from '../../contract/error-catalogue.js';
import { GatewayError } from '../errors/gateway-error.js';

/**
 * Makes the one signal of a request: aborted when the client goes away or the gateway is cut off, with the
 * GatewayError to end with as reason.
 */
export function createRequestSignal(response: Response, cutOff: AbortSignal): AbortSignal {
  const controller = new AbortController();
  const onCutOff = () => controller.abort(cutOff.reason);
  cutOff.addEventListener('abort', onCutOff, { once: true });
  if (cutOff.aborted) onCutOff();
  const onClose = () => {
    cutOff.removeEventListener('abort', onCutOff);
    controller.abort(new GatewayError(ERROR_CATALOGUE.CANCELLED, 'The client went away.'));
  };
  // The response's `close`, not the request's: that one comes as soon as the body has been read.
  response.once('close', onClose);
  if (response.destroyed) onClose();
  return controller.signal;
}
