import type { RichStatus } from '../contract/rich-status.js';

/** A refusal of who asks, not of what is asked. It says to the caller what its status says. */
export class AccessError extends Error {
  readonly status: RichStatus;

  constructor(status: RichStatus) {
    super(status.message);
    this.name = 'AccessError';
    this.status = status;
  }
}
