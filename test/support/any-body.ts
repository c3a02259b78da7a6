import fc from 'fast-check';
import type { z } from 'zod';

const text = fc.string({ unit: 'binary', maxLength: 20 });
const well = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 });
const ids = fc.array(fc.nat(60_000), { minLength: 1, maxLength: 8 });
const edges = fc.constantFrom(
  -101,
  -3,
  -2,
  -1,
  -0.5,
  0,
  0.3,
  1,
  1.5,
  2,
  3,
  4,
  5,
  6,
  20,
  21,
  100,
  128,
  129,
  2 ** 32,
  2 ** 60,
);

/** Values that some field holds, or nearly. */
const nearly: fc.Arbitrary<unknown> = fc.oneof(
  edges,
  fc.boolean(),
  text,
  well,
  ids,
  fc.array(fc.oneof(well, ids, text, fc.constantFrom<unknown>([], '', null, [1.5], [[1]])), { maxLength: 6 }),
  fc.dictionary(fc.oneof(fc.nat(60_000).map(String), text), fc.oneof(edges, text), { maxKeys: 4 }),
  fc.bigInt({ min: -(2n ** 65n), max: 2n ** 65n }).map(String),
  fc.record({ include_usage: fc.oneof(fc.boolean(), edges) }),
  fc.constant(null),
);

/** What a field is given mostly, so that many a body is acceptable as a whole. */
const fit: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  model: fc.constantFrom(null, '', 'tiny', 'gpt-2'),
  prompt: fc.oneof(well, ids, fc.array(fc.oneof(well, ids), { minLength: 1, maxLength: 4 })),
  context: fc.oneof(well, ids),
  continuations: fc.oneof(well, ids, fc.array(fc.oneof(well, ids), { minLength: 1, maxLength: 4 })),
  tokens: ids,
  n: fc.constantFrom(null, 1, 2, 3),
  best_of: fc.constantFrom(null, 0, 3),
  echo: fc.boolean(),
  logprobs: fc.constantFrom(null, 0, 1, 5),
  return_token_ids: fc.boolean(),
  timings: fc.boolean(),
  include_stop_str_in_output: fc.boolean(),
  stop: fc.oneof(fc.constantFrom(null, 'e', ' the'), fc.array(well, { minLength: 1, maxLength: 4 })),
  logit_bias: fc.dictionary(
    fc.nat(60_000).map(String),
    fc.oneof(fc.double({ min: -100, max: 100, noNaN: true }), fc.constantFrom(-101, -100, 100, 100.5)),
    { maxKeys: 2 },
  ),
  stream: fc.boolean(),
  temperature: fc.constantFrom(null, 0, 1, 2),
};

/**
 * Makes bodies of a request with some of its fields: most with values that the fields may hold, so that other fields
 * come to be looked at, the others with values of all kinds.
 */
export function anyBody(fields: z.ZodObject): fc.Arbitrary<unknown> {
  const names = Object.keys(fields.shape);
  const shape = Object.fromEntries(
    names.map((name) => [
      name,
      fc.oneof({ weight: 4, arbitrary: fit[name] ?? fc.constant(null) }, { weight: 1, arbitrary: nearly }),
    ]),
  );
  const required = names.filter((name) => !fields.shape[name]?.safeParse(undefined).success);
  const some = fc.record(shape, { requiredKeys: required, noNullPrototype: true });
  const one = fc
    .tuple(
      fc.constantFrom(...names),
      nearly,
      fc.record(Object.fromEntries(required.map((name) => [name, fit[name] ?? well])), {
        noNullPrototype: true,
      }),
    )
    .map(([name, value, rest]) => ({ ...rest, [name]: value }));
  return fc
    .oneof(
      { weight: 4, arbitrary: one },
      { weight: 4, arbitrary: some },
      { weight: 1, arbitrary: fc.jsonValue() },
    )
    .map((body) => JSON.parse(JSON.stringify(body)));
}
