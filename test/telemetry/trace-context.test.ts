import { describe, expect, it } from 'vitest';
import { formatTraceparent, parseTraceparent } from '../../src/telemetry/trace-context.js';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';

describe('A traceparent', () => {
  it.each(['00', '01'])('with the flags %s is written as it was read', (flags) => {
    const text = `00-${TRACE}-${SPAN}-${flags}`;
    const context = parseTraceparent(text);
    expect(context).toEqual({ traceId: TRACE, spanId: SPAN, isSampled: flags === '01' });
    expect(context && formatTraceparent(context)).toBe(text);
  });

  it.each([
    undefined,
    '',
    'x',
    `00-${'0'.repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `ff-${TRACE}-${SPAN}-01`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-01-more`,
  ])('%j is none', (text) => {
    expect(parseTraceparent(text)).toBeUndefined();
  });
});
