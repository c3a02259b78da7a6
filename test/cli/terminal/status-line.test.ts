import { describe, expect, it } from 'vitest';
import { clearLineOf, StatusLine } from '../../../src/cli/terminal/status-line.js';

function createTerminal(columns: number) {
  const written: string[] = [];
  return { isTTY: true, columns, write: (text: string) => written.push(text), written };
}

describe('status line', () => {
  it('is drawn in place of itself, painted, and leaves nothing behind', () => {
    const terminal = createTerminal(80);
    const line = new StatusLine(terminal);
    line.draw('one', (text) => `<${text}>`);
    line.clear();
    line.clear();
    expect(terminal.written).toEqual(['\r\u001b[2K<one>', '\r\u001b[2K']);
  });

  it('never wraps', () => {
    const terminal = createTerminal(4);
    new StatusLine(terminal).draw('abcdef');
    expect(terminal.written).toEqual(['\r\u001b[2Kabc']);
  });

  it('is whole where the terminal does not say how wide it is', () => {
    const terminal = createTerminal(0);
    new StatusLine(terminal).draw('abcdef');
    expect(terminal.written).toEqual(['\r\u001b[2Kabcdef']);
  });

  it('makes room for other lines on terminals that can', () => {
    expect(clearLineOf({ isTTY: true, write: () => 0 }, {})).toBe('\r\u001b[2K');
    expect(clearLineOf({ isTTY: true, write: () => 0 }, { TERM: 'dumb' })).toBe('');
    expect(clearLineOf({ write: () => 0 }, {})).toBe('');
  });
});
