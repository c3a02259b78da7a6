import { readFileSync } from 'node:fs';
import { arch, platform } from 'node:os';
import { describe, expect, it } from 'vitest';
import { integerProductOverflows } from '../../../src/engine/model/integer-overflow.js';

describe('integerProductOverflows', () => {
  it.runIf(platform() === 'linux' && arch() === 'x64')('is so without VNNI only', async () => {
    const hasVnni = /^flags\s*:.*\b(avx512_vnni|avx_vnni)\b/m.test(readFileSync('/proc/cpuinfo', 'utf8'));
    expect(await integerProductOverflows()).toBe(!hasVnni);
  });
});
