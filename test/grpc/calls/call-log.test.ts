import { status } from '@grpc/grpc-js';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { EngineError } from '../../../src/engine/index.js';
import { startCallLog } from '../../../src/grpc/calls/call-log.js';
import { StatusError } from '../../../src/grpc/calls/status-mapper.js';

const LEVEL = { debug: 20, info: 30, error: 50 };

function logged(failure?: unknown, level: 'info' | 'debug' = 'info') {
  const lines: Record<string, unknown>[] = [];
  const logger = pino({ level: 'debug' }, { write: (line: string) => lines.push(JSON.parse(line)) });
  startCallLog({ logger, rpc: '/a.B/C', level })({ requestId: 'r-1' }, failure);
  expect(lines).toHaveLength(1);
  return lines[0];
}

describe('startCallLog', () => {
  it('tells RPC, fields and duration', () => {
    expect(logged()).toMatchObject({
      level: LEVEL.info,
      rpc: '/a.B/C',
      requestId: 'r-1',
      durationMs: expect.any(Number),
      msg: 'call done',
    });
  });

  it.each([
    ['a refusal', new EngineError('QUEUE_FULL', 'Full.'), LEVEL.debug],
    ['a status of another protocol', new StatusError(status.NOT_FOUND, 'Unknown.'), LEVEL.debug],
    ['a model that does not load', new EngineError('MODEL_LOAD_FAILED', 'Cut short.'), LEVEL.error],
    ['a defect', new TypeError('undefined is not a function'), LEVEL.error],
  ])('logs %s at its level', (_what, failure, level) => {
    expect(logged(failure, 'debug')).toMatchObject({ level });
  });

  it('keeps the cause of a failure', () => {
    const cause = new Error('ENOSPC');
    const failure = new EngineError('MODEL_LOAD_FAILED', 'The disk is full.', { cause });
    expect(logged(failure)).toMatchObject({ reason: 'MODEL_LOAD_FAILED', err: { message: 'ENOSPC' } });
  });
});
