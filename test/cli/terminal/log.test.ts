import { describe, expect, it } from 'vitest';
import { renderLine } from '../../../src/cli/terminal/log.js';

const time = new Date(2026, 0, 2, 3, 4, 5).getTime();

describe('log line for people', () => {
  it('has the time, the message and the fields', () => {
    const line = { level: 30, time, pid: 1, msg: 'The model is loaded.', model: 'fable', ms: 12 };
    expect(renderLine(line, false)).toBe('03:04:05 The model is loaded. model=fable ms=12\n');
  });

  it('names the level where it is not info', () => {
    expect(renderLine({ level: 50, time, msg: 'No.' }, false)).toBe('03:04:05 error No.\n');
  });

  it('ends with the stack of an error', () => {
    const err = { message: 'broken', stack: 'Error: broken\n    at here' };
    expect(renderLine({ level: 50, time, msg: 'No.', err }, false)).toBe(
      '03:04:05 error No.\nError: broken\n    at here\n',
    );
  });
});
