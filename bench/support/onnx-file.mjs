import { closeSync, openSync, renameSync, writeFileSync, writeSync } from 'node:fs';
import { basename } from 'node:path';
import {
  AttributeProto_AttributeType as AttributeType,
  TensorProto_DataType as DataType,
  ModelProto,
  TensorProto_DataLocation,
} from '../../dist/engine/model/gen/onnx/onnx.js';

const TYPES = { float32: DataType.FLOAT, int64: DataType.INT64, int8: DataType.INT8 };

/** Collects an ONNX model of standard operators, and writes its weights into a file beside it as they come. */
export class OnnxFile {
  #path;
  #data;
  #offset = 0;
  #nodes = [];
  #initializers = [];
  #inputs = [];
  #outputs = [];
  #numValues = 0;

  /** The model at `path`, the weights in `path` with `_data`. */
  constructor(path) {
    this.#path = path;
    this.#data = openSync(`${path}_data`, 'w');
  }

  input(name, type, shape) {
    this.#inputs.push(valueInfo(name, type, shape));
    return name;
  }

  output(name, value, shape) {
    this.#nodes.push({ opType: 'Identity', input: [value], output: [name] });
    this.#outputs.push(valueInfo(name, 'float32', shape));
  }

  /** Adds a node; returns its output, or its outputs if there are several. */
  op(opType, input, attributes = {}, numOutputs = 1) {
    const output = Array.from({ length: numOutputs }, () => `${opType}_${this.#numValues++}`);
    const attribute = Object.entries(attributes).map(([name, value]) => toAttribute(name, value));
    this.#nodes.push({ name: output[0], opType, input, output, attribute });
    return numOutputs === 1 ? output[0] : output;
  }

  /** Adds a small constant, int64 unless it is a typed array. */
  constant(values, dims = [values.length]) {
    const name = `constant_${this.#numValues++}`;
    if (Array.isArray(values)) {
      this.#initializers.push({
        name,
        dataType: DataType.INT64,
        dims: dims.map(BigInt),
        int64Data: values.map(BigInt),
      });
    } else {
      this.#initializers.push({
        name,
        dataType: typeOf(values),
        dims: dims.map(BigInt),
        rawData: bufferOf(values),
      });
    }
    return name;
  }

  /** Adds a weight: a Float32Array or an Int8Array. */
  weight(name, values, dims) {
    writeSync(this.#data, bufferOf(values));
    this.#initializers.push({
      name,
      dataType: typeOf(values),
      dims: dims.map(BigInt),
      dataLocation: TensorProto_DataLocation.EXTERNAL,
      externalData: [
        { key: 'location', value: `${basename(this.#path)}_data` },
        { key: 'offset', value: String(this.#offset) },
        { key: 'length', value: String(values.byteLength) },
      ],
    });
    this.#offset += values.byteLength;
    return name;
  }

  /** Writes the model. */
  finish() {
    closeSync(this.#data);
    const graph = {
      name: 'gpt2',
      node: this.#nodes,
      initializer: this.#initializers,
      input: this.#inputs,
      output: this.#outputs,
    };
    const opsetImport = [{ domain: '', version: 21n }];
    writeFileSync(`${this.#path}.part`, ModelProto.encode({ irVersion: 10n, opsetImport, graph }).finish());
    renameSync(`${this.#path}.part`, this.#path);
  }
}

function typeOf(values) {
  return values instanceof Int8Array ? DataType.INT8 : DataType.FLOAT;
}

function bufferOf({ buffer, byteOffset, byteLength }) {
  return Buffer.from(buffer, byteOffset, byteLength);
}

function toAttribute(name, value) {
  if (typeof value === 'string') return { name, type: AttributeType.STRING, s: Buffer.from(value) };
  if (typeof value === 'number') return { name, type: AttributeType.INT, i: BigInt(value) };
  if ('float' in value) return { name, type: AttributeType.FLOAT, f: value.float };
  return { name, type: AttributeType.INTS, ints: value.map(BigInt) };
}

function valueInfo(name, type, shape) {
  const dim = shape.map((size) =>
    typeof size === 'string' ? { dimParam: size } : { dimValue: BigInt(size) },
  );
  return { name, type: { tensorType: { elemType: TYPES[type], shape: { dim } } } };
}
