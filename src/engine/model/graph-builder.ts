import {
  AttributeProto_AttributeType as AttributeType,
  TensorProto_DataType as DataType,
  type GraphProto,
  ModelProto,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from './gen/onnx/onnx.js';
import {
  type Attributes,
  type ElementType,
  toAttribute,
  toConstant,
  toStoredWeight,
  toValueInfo,
} from './graph-messages.js';
import { isHalfPrecision, type StoredTensor } from './safetensors.js';

/** The name of a value in the graph: an input, an initializer, or a node's output. */
export type Value = string;

const CONTRIB_DOMAIN = 'com.microsoft';
const IR_VERSION = 10n;
const OPSET_VERSION = 21n;

/** What a condition chooses from: each adds its values and returns them. */
export interface Branches {
  readonly make: () => readonly Value[];
  readonly none: () => readonly Value[];
}

/** Collects an ONNX graph node by node, in the order of evaluation. */
export class GraphBuilder {
  /** Those of the branch that is being written, or of the graph itself. */
  #nodes: NodeProto[] = [];
  #branchConstants: TensorProto[] = [];
  readonly #initializers: TensorProto[] = [];
  readonly #inputs: ValueInfoProto[] = [];
  readonly #outputs: ValueInfoProto[] = [];
  /** What values that are outputs are called in the model. */
  readonly #outputNames = new Map<Value, string>();
  readonly #stored = new Map<string, Value>();
  readonly #constants = new Map<string, Value>();
  readonly #folder: string;
  #numValues = 0;

  /** @param folder what the files of the weights will be relative to. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Declares an input; a dimension given by name may differ from run to run. */
  input(name: string, type: ElementType, shape: readonly (number | string)[]): Value {
    this.#inputs.push(toValueInfo(name, type, shape));
    return name;
  }

  /**
   * Declares what an operator gives to be an output, and renames it so; its shape may be left to be found out. No branch may use
   * it.
   */
  output(name: string, value: Value, type: ElementType, shape?: readonly (number | string)[]): void {
    this.#outputNames.set(value, name);
    this.#outputs.push(toValueInfo(name, type, shape));
  }

  /**
   * Lets ONNX Runtime pack a weight before all others. While it packs one it holds it twice, so the largest should come while
   * there is nothing else. It packs in the order in which operators are written, and sorts them by their inputs to run them,
   * though ONNX wants them sorted.
   *
   * @param name that of the stored tensor, or what the names of its parts begin with
   */
  packFirst(name: string): void {
    const values = [...this.#stored].filter(([stored]) => stored.startsWith(name)).map(([, value]) => value);
    const usesIt = ({ input = [] }: NodeProto) => input.some((value) => values.includes(value));
    this.#nodes.sort((a, b) => Number(usesIt(b)) - Number(usesIt(a)));
  }

  /** Adds a standard ONNX operator with one output. */
  op(opType: string, inputs: readonly Value[], attributes: Attributes = {}): Value {
    return this.#node('', opType, inputs, attributes, 1)[0]!;
  }

  /** Adds a standard ONNX operator with several outputs. */
  ops(opType: string, inputs: readonly Value[], numOutputs: number, attributes: Attributes = {}): Value[] {
    return this.#node('', opType, inputs, attributes, numOutputs);
  }

  /** Adds one of ONNX Runtime's own operators; an unused output is the empty string. */
  contrib(opType: string, inputs: readonly Value[], attributes: Attributes = {}, numOutputs = 1): Value[] {
    return this.#node(CONTRIB_DOMAIN, opType, inputs, attributes, numOutputs);
  }

  /**
   * Adds values that are computed only where a condition, bool [], holds; elsewhere they are what `none` gives. What these
   * two add belongs to their branch alone, and may use every value from outside.
   *
   * @param types of the values, in their order
   */
  when(condition: Value, types: readonly ElementType[], { make, none }: Branches): Value[] {
    const [thenBranch, elseBranch] = [make, none].map((branch) => this.#branch(branch, types));
    const output = types.map(() => this.#fresh('If'));
    const attribute = [
      { name: 'then_branch', type: AttributeType.GRAPH, g: thenBranch! },
      { name: 'else_branch', type: AttributeType.GRAPH, g: elseBranch! },
    ];
    this.#nodes.push({ name: output[0]!, opType: 'If', input: [condition], output, attribute });
    return output;
  }

  /** Adds a constant without elements, as one dimension is 0, to the branch that is being written. */
  empty(type: ElementType, shape: readonly number[] = [0]): Value {
    const name = this.#fresh('empty');
    this.#branchConstants.push(toConstant(name, type, shape));
    return name;
  }

  /** A one-dimensional int64 constant, as shapes and axes are. */
  ints(values: readonly number[]): Value {
    return this.#constant('int64', [values.length], { int64Data: values.map(BigInt) });
  }

  /** A constant of several numbers. */
  floats(values: readonly number[], shape: readonly number[]): Value {
    return this.#constant('float32', shape, { floatData: [...values] });
  }

  /** A constant that is one number. */
  scalar(type: 'float32' | 'uint8' | 'int8', value: number): Value {
    return this.#constant(type, [], type === 'float32' ? { floatData: [value] } : { int32Data: [value] });
  }

  /**
   * Adds a weight whose bytes stay in their safetensors file, which ONNX Runtime maps into memory. Half precision is
   * widened once, when the session is made.
   */
  stored(name: string, tensor: StoredTensor): Value {
    const present = this.#stored.get(name);
    if (present !== undefined) return present;
    this.#initializers.push(toStoredWeight(name, tensor, this.#folder));
    const value = isHalfPrecision(tensor) ? this.op('Cast', [name], { to: DataType.FLOAT }) : name;
    this.#stored.set(name, value);
    return value;
  }

  /** Serializes the graph as an ONNX model. */
  toModel(): Uint8Array {
    const renamed = (value: Value) => this.#outputNames.get(value) ?? value;
    return ModelProto.encode({
      irVersion: IR_VERSION,
      producerName: 'linnet',
      opsetImport: [
        { domain: '', version: OPSET_VERSION },
        { domain: CONTRIB_DOMAIN, version: 1n },
      ],
      graph: {
        name: 'gpt2',
        node: this.#nodes.map((node) => ({
          ...node,
          input: node.input?.map(renamed),
          output: node.output?.map(renamed),
        })),
        initializer: this.#initializers,
        input: this.#inputs,
        output: this.#outputs,
      },
    }).finish();
  }

  /** The same one wherever it is the same: each takes its time in every run. */
  #constant(type: ElementType, shape: readonly number[], data: TensorProto): Value {
    const key = [type, ...shape, ':', ...Object.values(data).flat()].join();
    const present = this.#constants.get(key);
    if (present !== undefined) return present;
    const name = this.#fresh(type);
    this.#initializers.push(toConstant(name, type, shape, data));
    this.#constants.set(key, name);
    return name;
  }

  #branch(make: () => readonly Value[], types: readonly ElementType[]): GraphProto {
    const outside = { nodes: this.#nodes, constants: this.#branchConstants };
    [this.#nodes, this.#branchConstants] = [[], []];
    const output = make().map((value, i) => toValueInfo(value, types[i]!));
    const name = this.#fresh('branch');
    const branch = { name, node: this.#nodes, initializer: this.#branchConstants, output };
    [this.#nodes, this.#branchConstants] = [outside.nodes, outside.constants];
    return branch;
  }

  #node(domain: string, opType: string, input: readonly Value[], attributes: Attributes, numOutputs: number) {
    const output = Array.from({ length: numOutputs }, () => this.#fresh(opType));
    const attribute = Object.entries(attributes).map(([name, value]) => toAttribute(name, value));
    this.#nodes.push({ name: output[0]!, domain, opType, input: [...input], output, attribute });
    return output;
  }

  #fresh(stem: string): Value {
    return `${stem}_${this.#numValues++}`;
  }
}
