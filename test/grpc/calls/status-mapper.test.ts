import { status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { decodeRichStatus } from '../../../src/contract/rich-status.js';
import { EngineError } from '../../../src/engine/index.js';
import { StatusError, toStatus } from '../../../src/grpc/calls/status-mapper.js';

describe('toStatus', () => {
  it('says all of an EngineError, and which request it was', () => {
    const options = { field: 'prompt', metadata: { limit: '1024' }, retryAfterMs: 250 };
    const sent = toStatus(new EngineError('CONTEXT_LENGTH_EXCEEDED', 'Too long.', options), 'r-1');
    expect(sent).toMatchObject({ code: status.INVALID_ARGUMENT, details: 'Too long.' });
    expect(decodeRichStatus(sent)).toEqual({
      reason: 'CONTEXT_LENGTH_EXCEEDED',
      message: 'Too long.',
      field: 'prompt',
      metadata: { limit: '1024', request_id: 'r-1' },
      retryAfterMs: 250,
    });
  });

  it.each([new TypeError('secret'), 'secret', undefined])('says nothing of %o', (caught) => {
    const sent = toStatus(caught, 'r-1');
    expect(sent).toMatchObject({ code: status.INTERNAL, details: 'The engine failed.' });
    expect(sent.metadata.get('grpc-status-details-bin').toString()).not.toContain('secret');
  });

  it('passes on the status of a StatusError', () => {
    const sent = toStatus(new StatusError(status.NOT_FOUND, 'No such service.'), 'r-1');
    expect(sent).toMatchObject({ code: status.NOT_FOUND, details: 'No such service.' });
  });

  it('shortens a message that no header could hold', () => {
    const sent = toStatus(new EngineError('MODEL_LOAD_FAILED', 'x'.repeat(100_000)), 'r-1');
    expect(sent.details.length).toBeLessThan(1100);
  });
});
