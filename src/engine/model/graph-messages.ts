// What an ONNX graph is made of, as protobuf messages (onnx.proto).
import { relative } from 'node:path';
import {
  type AttributeProto,
  AttributeProto_AttributeType as AttributeType,
  TensorProto_DataType as DataType,
  type TensorProto,
  TensorProto_DataLocation,
  type ValueInfoProto,
} from './gen/onnx/onnx.js';
import type { StoredTensor } from './safetensors.js';

/** The element types of graph inputs, outputs and constants. */
export type ElementType = 'float32' | 'int32' | 'int64' | 'uint8' | 'int8' | 'bool';

/** A node's attributes; a whole number is an ONNX int, any other number must be given as `{ float }`. */
export type Attributes = Readonly<
  Record<string, number | string | readonly number[] | { readonly float: number }>
>;

const ELEMENT_TYPES: Record<ElementType, DataType> = {
  float32: DataType.FLOAT,
  int32: DataType.INT32,
  int64: DataType.INT64,
  uint8: DataType.UINT8,
  int8: DataType.INT8,
  bool: DataType.BOOL,
};
const STORED_TYPES: Record<string, DataType> = {
  F32: DataType.FLOAT,
  F16: DataType.FLOAT16,
  BF16: DataType.BFLOAT16,
  U8: DataType.UINT8,
  I8: DataType.INT8,
};

/** An attribute of a node. */
export function toAttribute(name: string, value: Attributes[string]): AttributeProto {
  if (typeof value === 'string') return { name, type: AttributeType.STRING, s: Buffer.from(value) };
  if (typeof value === 'number') return { name, type: AttributeType.INT, i: BigInt(value) };
  if ('float' in value) return { name, type: AttributeType.FLOAT, f: value.float };
  return { name, type: AttributeType.INTS, ints: value.map(BigInt) };
}

/** An input or output of a graph; a dimension given by name may differ from run to run. */
export function toValueInfo(
  name: string,
  type: ElementType,
  shape?: readonly (number | string)[],
): ValueInfoProto {
  const elemType = ELEMENT_TYPES[type];
  if (shape === undefined) return { name, type: { tensorType: { elemType } } };
  const dim = shape.map((size) =>
    typeof size === 'string' ? { dimParam: size } : { dimValue: BigInt(size) },
  );
  return { name, type: { tensorType: { elemType, shape: { dim } } } };
}

/** A constant with its numbers. */
export function toConstant(
  name: string,
  type: ElementType,
  shape: readonly number[],
  data: TensorProto = {},
): TensorProto {
  return { name, dataType: ELEMENT_TYPES[type], dims: shape.map(BigInt), ...data };
}

/** A weight whose bytes stay in their file, named relative to a folder. */
export function toStoredWeight(name: string, tensor: StoredTensor, folder: string): TensorProto {
  const dataType = STORED_TYPES[tensor.dtype];
  if (dataType === undefined) throw new Error(`${name}: type ${tensor.dtype} is no weight's.`);
  return {
    name,
    dataType,
    dims: tensor.shape.map(BigInt),
    dataLocation: TensorProto_DataLocation.EXTERNAL,
    externalData: [
      { key: 'location', value: relative(folder, tensor.file) },
      { key: 'offset', value: String(tensor.byteOffset) },
      { key: 'length', value: String(tensor.byteLength) },
    ],
  };
}
