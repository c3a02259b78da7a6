import type { Activation } from './gpt2-config.js';
import type { GraphBuilder, Value } from './graph-builder.js';

/** What a perceptron's layer gives, after the model's activation: f32 [n, outputs], its bias already added. */
export function activate(graph: GraphBuilder, activation: Activation, value: Value): Value {
  if (activation === 'relu') return graph.op('Relu', [value]);
  return graph.op('Gelu', [value], { approximate: activation === 'gelu-tanh' ? 'tanh' : 'none' });
}

/** The same of a value without its bias, f32 [outputs]: ONNX Runtime has operators for both at once. */
export function activateBiased(
  graph: GraphBuilder,
  activation: Activation,
  value: Value,
  bias: Value,
): Value {
  if (activation === 'relu') return graph.op('Relu', [graph.op('Add', [value, bias])]);
  return graph.contrib(activation === 'gelu-tanh' ? 'FastGelu' : 'BiasGelu', [value, bias])[0]!;
}
