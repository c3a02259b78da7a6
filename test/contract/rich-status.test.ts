import { Metadata, status } from '@grpc/grpc-js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ERROR_CATALOGUE, type ErrorReason } from '../../src/contract/error-catalogue.js';
import { BadRequest, ErrorInfo } from '../../src/contract/gen/google/rpc/error_details.js';
import { Status } from '../../src/contract/gen/google/rpc/status.js';
import { decodeRichStatus, encodeRichStatus, type RichStatus } from '../../src/contract/rich-status.js';

const REASONS = Object.keys(ERROR_CATALOGUE) as ErrorReason[];

const richStatus: fc.Arbitrary<RichStatus> = fc.record({
  reason: fc.constantFrom(...REASONS),
  message: fc.string(),
  field: fc.option(fc.string({ minLength: 1 }), { nil: undefined }),
  metadata: fc.dictionary(fc.stringMatching(/^[a-z][a-zA-Z0-9_-]{0,20}$/), fc.string(), {
    noNullPrototype: true,
  }),
  quotaSubject: fc.option(fc.string({ minLength: 1 }), { nil: undefined }),
  retryAfterMs: fc.option(fc.nat({ max: 1e9 }), { nil: undefined }),
});

describe('encodeRichStatus and decodeRichStatus', () => {
  it('are inverse', () => {
    fc.assert(
      fc.property(richStatus, (rich) => {
        expect(decodeRichStatus(encodeRichStatus(rich))).toEqual(rich);
      }),
    );
  });

  it('say what every gRPC library reads: a google.rpc.Status in the trailers', () => {
    const sent = encodeRichStatus({ reason: 'INVALID_FIELD', message: 'No.', field: 'top_p' });
    expect(sent).toMatchObject({ code: status.INVALID_ARGUMENT, details: 'No.' });
    const [bytes] = sent.metadata.get('grpc-status-details-bin') as Buffer[];
    const { code, message, details } = Status.decode(bytes!);
    expect({ code, message }).toEqual({ code: status.INVALID_ARGUMENT, message: 'No.' });
    expect(details.map(({ typeUrl }) => typeUrl)).toEqual([
      'type.googleapis.com/google.rpc.ErrorInfo',
      'type.googleapis.com/google.rpc.BadRequest',
    ]);
    expect(ErrorInfo.decode(details[0]!.value)).toEqual({
      reason: 'INVALID_FIELD',
      domain: 'linnet',
      metadata: {},
    });
    expect(BadRequest.decode(details[1]!.value).fieldViolations[0]).toMatchObject({
      field: 'top_p',
      description: 'No.',
    });
  });

  it('read nothing from a status that is not ours', () => {
    expect(decodeRichStatus({ details: '', metadata: new Metadata() })).toBeUndefined();
    const info = { reason: 'QUEUE_FULL', domain: 'example.com', metadata: {} };
    const typeUrl = 'type.googleapis.com/google.rpc.ErrorInfo';
    const details = [{ typeUrl, value: Buffer.from(ErrorInfo.encode(info).finish()) }];
    const metadata = new Metadata();
    metadata.set(
      'grpc-status-details-bin',
      Buffer.from(Status.encode({ code: 8, message: '', details }).finish()),
    );
    expect(decodeRichStatus({ details: '', metadata })).toBeUndefined();
  });
});
