import { describe, expect, it } from 'vitest';
import { COMPLETION_FIELDS } from '../../../src/gateway/completions/completion-fields.js';
import { FIRST_SETTINGS, SETTING_RANGES, toRequest } from '../../../src/page/run/settings.js';

const question = { prompt: 'Once', model: 'fable' };

describe('toRequest', () => {
  it('leaves out what the service does by itself', () => {
    const settings = { ...FIRST_SETTINGS, temperature: 1, max_tokens: 16 };
    expect(toRequest(settings, question)).toEqual({ model: 'fable', prompt: 'Once', max_tokens: 16 });
    expect(toRequest(settings, { prompt: '', model: '' })).toEqual({ max_tokens: 16 });
  });

  it('says the rest by the names of the API', () => {
    const settings = { ...FIRST_SETTINGS, temperature: 0, top_k: 40, repetition_penalty: 1.2, seed: ' 7 ' };
    expect(toRequest(settings, question)).toMatchObject({
      ...{ temperature: 0, top_k: 40, repetition_penalty: 1.2, seed: 7 },
    });
  });

  it('sends a seed that a number can not hold as a string', () => {
    const { seed } = toRequest({ ...FIRST_SETTINGS, seed: '9223372036854775807' }, question);
    expect(seed).toBe('9223372036854775807');
  });
});

describe('the settings', () => {
  it.each(SETTING_RANGES)('has for $name a range and a default that the service has too', (range) => {
    const { name, min, max, serviceDefault } = range;
    const field = COMPLETION_FIELDS.shape[name];
    expect(field.safeParse(min).success).toBe(true);
    expect(field.safeParse(max).success).toBe(true);
    expect(field.meta()).toMatchObject({ default: serviceDefault });
  });
});
