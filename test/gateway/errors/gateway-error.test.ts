import { describe, expect, it } from 'vitest';
import {
  GatewayError,
  toErrorBody,
  toErrorEvent,
  toErrorHeaders,
} from '../../../src/gateway/errors/gateway-error.js';

const QUEUE_FULL = { reason: 'QUEUE_FULL', message: 'The queue is full.' } as const;

describe('GatewayError', () => {
  it('says the same in a body and in an event', () => {
    const error = GatewayError.fromRichStatus({
      reason: 'INVALID_FIELD',
      message: '`top_p` must be at most 1; got 2.',
      field: 'top_p',
    });
    const body = {
      error: {
        message: '`top_p` must be at most 1; got 2.',
        type: 'invalid_request_error',
        param: 'top_p',
        code: 'invalid_value',
      },
    };
    expect(toErrorBody(error)).toEqual(body);
    expect(toErrorEvent(error)).toBe(`data: ${JSON.stringify(body)}\n\n`);
    expect(toErrorHeaders(error)).toEqual({});
  });

  it('adds the numbers that programs look for, and nothing else of the metadata', () => {
    const error = GatewayError.fromRichStatus({
      reason: 'CONTEXT_LENGTH_EXCEEDED',
      message: "This model's maximum context length is 1024 tokens.",
      field: 'max_tokens',
      metadata: {
        promptTokens: '1500',
        contextLength: '1024',
        code: 'evil',
        request_id: '7',
        maxTokens: 'x',
      },
    });
    expect(toErrorBody(error).error).toEqual({
      message: "This model's maximum context length is 1024 tokens.",
      type: 'invalid_request_error',
      param: 'max_tokens',
      code: 'context_length_exceeded',
      n_prompt_tokens: 1500,
      n_ctx: 1024,
    });
  });

  it('calls a field what HTTP calls it', () => {
    const error = GatewayError.fromRichStatus({
      reason: 'INVALID_FIELD',
      message: '`prompt_token_ids.ids[3]` must be in [0, 50257); got 60000.',
      field: 'prompt_token_ids.ids[3]',
    });
    expect(toErrorBody(error).error).toMatchObject({
      message: '`prompt[3]` must be in [0, 50257); got 60000.',
      param: 'prompt',
    });
  });

  it.each([
    [undefined, '1', '1000'],
    [0, '1', '0'],
    [250.4, '1', '251'],
    [1001, '2', '1001'],
    [90_000, '90', '90000'],
  ])('says after %s ms when to come back', (retryAfterMs, seconds, milliseconds) => {
    const error = GatewayError.fromRichStatus({ ...QUEUE_FULL, retryAfterMs });
    expect(toErrorHeaders(error)).toEqual({ 'retry-after': seconds, 'retry-after-ms': milliseconds });
  });

  it('hides what an unknown failure says', () => {
    const error = GatewayError.from(new Error('password is hunter2'));
    expect(error.kind.http).toBe(500);
    expect(toErrorEvent(error)).not.toContain('hunter2');
    expect(error.cause).toBeInstanceOf(Error);
  });
});
