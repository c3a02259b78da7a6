import { describe, expect, it } from 'vitest';
import { toListenError } from '../../../src/cli/processes/listen-error.js';

const target = { host: '127.0.0.1', port: 80, portSetting: 'httpPort' } as const;

describe('listen error', () => {
  it.each([
    [
      'EADDRINUSE',
      'Port 80 on 127.0.0.1 is in use. Choose another with --http-port or LINNET_HTTP_PORT; 0 picks a free one.',
    ],
    [
      'EACCES',
      'Port 80 needs privileges that this process lacks. Choose another with --http-port or LINNET_HTTP_PORT; 0 picks a free one.',
    ],
    [
      'EADDRNOTAVAIL',
      'This machine has no address "127.0.0.1" to listen on. Change it with --host or LINNET_HOST.',
    ],
  ])('says of %s which setting changes it', (code, message) => {
    expect(toListenError(Object.assign(new Error('listen'), { code }), target)).toMatchObject({
      message,
      exitCode: 1,
    });
  });

  it('leaves other errors as they are', () => {
    const error = new Error('a defect');
    expect(toListenError(error, target)).toBe(error);
  });
});
