import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  balanceInputs,
  type Layer,
  scaleNorm,
  scaleOutputs,
} from '../../../src/engine/weights/channel-balance.js';

const [INPUTS, INNER, OUTPUTS] = [5, 4, 3];
const value = fc.float({ min: Math.fround(0.1), max: 2, noNaN: true });
const floats = (length: number) =>
  fc.float32Array({ min: -2, max: 2, noNaN: true, minLength: length, maxLength: length });
const factors = fc.array(fc.float({ min: Math.fround(0.01), max: 100, noNaN: true }), {
  minLength: INPUTS,
  maxLength: INPUTS,
});

/** A layer that no input leaves without weight. */
function layer(inputs: number, outputs: number): fc.Arbitrary<Layer> {
  return fc.record({ weight: floats(inputs * outputs), bias: floats(outputs), first: value }).map((drawn) => {
    for (let input = 0; input < inputs; input++) drawn.weight[input * outputs] = drawn.first;
    return drawn;
  });
}

function copy({ weight, bias }: Layer): Layer {
  return { weight: weight.slice(), bias: bias.slice() };
}

/** What a layer gives for an input, in f64. */
function apply({ weight, bias }: Layer, input: readonly number[]): number[] {
  return Array.from(bias, (sum, output) =>
    input.reduce((total, channel, at) => total + channel * weight[at * bias.length + output]!, sum),
  );
}

function expectClose(actual: readonly number[], expected: readonly number[]): void {
  for (const [at, number] of expected.entries()) expect(Math.abs(actual[at]! - number)).toBeLessThan(1e-3);
}

describe('balanced inputs', () => {
  it('leave what norm and layer compute together', () => {
    fc.assert(
      fc.property(layer(1, INPUTS), layer(INPUTS, OUTPUTS), floats(INPUTS), (norm, linear, normed) => {
        const before = apply(
          linear,
          [...normed].map((x, i) => x * norm.weight[i]! + norm.bias[i]!),
        );
        scaleNorm(norm, balanceInputs(linear));
        expectClose(
          apply(
            linear,
            [...normed].map((x, i) => x * norm.weight[i]! + norm.bias[i]!),
          ),
          before,
        );
      }),
      { endOnFailure: true },
    );
  });

  it('leave what two layers compute when the first one takes the factors', () => {
    fc.assert(
      fc.property(layer(INPUTS, INNER + 1), layer(INNER, OUTPUTS), floats(INPUTS), (first, second, input) => {
        const before = apply(second, apply(first, [...input]).slice(1));
        scaleOutputs(first, 1, balanceInputs(second));
        expectClose(apply(second, apply(first, [...input]).slice(1)), before);
      }),
      { endOnFailure: true },
    );
  });

  it('are the same whatever scale the checkpoint gives its channels', () => {
    fc.assert(
      fc.property(layer(INPUTS, OUTPUTS), factors, (linear, scales) => {
        const scaled = copy(linear);
        for (let at = 0; at < scaled.weight.length; at++) {
          scaled.weight[at]! /= scales[Math.floor(at / OUTPUTS)]!;
        }
        const rescaled = balanceInputs(scaled);
        const plain = balanceInputs(linear);
        // But for one factor that all have in common.
        const common = (rescaled[0]! * scales[0]!) / plain[0]!;
        for (const [at, factor] of plain.entries()) {
          expect((rescaled[at]! * scales[at]!) / factor / common).toBeCloseTo(1, 4);
        }
      }),
      { endOnFailure: true },
    );
  });

  it('need no weights', () => {
    const empty = { weight: new Float32Array(6), bias: new Float32Array(2) };
    expect([...balanceInputs(empty)]).toEqual([1, 1, 1]);
    expect([...empty.weight]).toEqual([0, 0, 0, 0, 0, 0]);
    const one = { weight: Float32Array.of(0, 0, 3, 4), bias: new Float32Array(2) };
    expect(balanceInputs(one)[0]).toBe(1);
  });
});
