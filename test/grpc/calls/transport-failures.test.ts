import { Metadata, status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GenerateRequest } from '../../../src/contract/gen/linnet/v1/completion.js';
import { decodeRichStatus } from '../../../src/contract/rich-status.js';
import { type GrpcHarness, startGrpcHarness, wireRequest } from '../../support/grpc-harness.js';
import { callRaw, type RawResponse } from '../../support/raw-grpc.js';
import { accepted, finished } from '../../support/scripted-engine.js';

let harness: GrpcHarness;
beforeEach(async () => {
  harness = await startGrpcHarness();
});
afterEach(() => harness.close());

const DAY_HOURS = 24;

function generateWithin(timeout: string) {
  return callRaw(harness.target, {
    path: '/linnet.v1.Completion/Generate',
    message: GenerateRequest.encode(wireRequest()).finish(),
    headers: { 'grpc-timeout': timeout },
  });
}

function richStatusOf(response: RawResponse) {
  const metadata = new Metadata();
  metadata.set('grpc-status-details-bin', Buffer.from(String(response['grpc-status-details-bin']), 'base64'));
  return decodeRichStatus({ details: decodeURI(String(response['grpc-message'])), metadata });
}

describe('transportFailures', () => {
  it.each([
    ['before the first event', []],
    ['in the middle of a stream', [accepted()]],
  ])('gives the status of a deadline that passes %s its details', async (_when, events) => {
    harness.engine.script = (generation) => generation.emit(...events);
    const response = await generateWithin('100m');
    expect(response['grpc-status']).toBe(String(status.DEADLINE_EXCEEDED));
    expect(richStatusOf(response)?.reason).toBe('DEADLINE_EXCEEDED');
  });

  it.each([25, 30, 49])('lets a call with a deadline in %i days run', async (days) => {
    harness.engine.script = (generation) => {
      // A turn later, when a deadline in the past would have ended the call.
      setTimeout(() => generation.emit(accepted(), finished()), 20);
    };
    const response = await generateWithin(`${days * DAY_HOURS}H`);
    expect(response['grpc-status']).toBe(String(status.OK));
    expect(harness.engine.generations[0]?.signal.aborted).toBe(false);
  });

  it('leaves a status of the transport that has no reason of ours as it is', async () => {
    const response = await callRaw(harness.target, {
      path: '/linnet.v1.Completion/Nothing',
      message: new Uint8Array(),
    });
    expect(response['grpc-status']).toBe(String(status.UNIMPLEMENTED));
  });
});
