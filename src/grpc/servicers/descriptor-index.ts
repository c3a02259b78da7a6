import {
  createFileRegistry,
  type DescEnum,
  type DescExtension,
  type DescFile,
  type DescMessage,
  type DescService,
  type FileRegistry,
  fromBinary,
  toBinary,
} from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { FILE_DESCRIPTOR_SET } from '../../contract/gen/descriptors.js';

/** Finds the files in which the proto's symbols are declared. */
export class DescriptorIndex {
  readonly #registry: FileRegistry;
  readonly #fileOfSymbol = new Map<string, DescFile>();

  constructor(fileDescriptorSet: Uint8Array = Buffer.from(FILE_DESCRIPTOR_SET, 'base64')) {
    this.#registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, fileDescriptorSet));
    for (const type of this.#registry) {
      for (const symbol of symbolsOf(type)) this.#fileOfSymbol.set(symbol, type.file);
    }
  }

  /** The full names of all services. */
  get services(): string[] {
    return [...this.#registry].filter((type) => type.kind === 'service').map((type) => type.typeName);
  }

  /** Finds a file by its name: `linnet/v1/models.proto`. */
  file(name: string): DescFile | undefined {
    return this.#registry.getFile(name);
  }

  /** Finds the file that declares a symbol: a type, a service, or a member of one, by its full name. */
  fileOf(symbol: string): DescFile | undefined {
    return this.#fileOfSymbol.get(symbol);
  }

  /** Finds a message by its full name. */
  message(name: string): DescMessage | undefined {
    return this.#registry.getMessage(name);
  }

  /** Finds the file that declares the extension of a message with this number. */
  fileOfExtension(message: DescMessage, number: number): DescFile | undefined {
    return this.#registry.getExtensionFor(message, number)?.file;
  }

  /** Lists the numbers of a message's extensions. */
  extensionNumbers(message: DescMessage): number[] {
    const types = [...this.#registry].filter((type) => type.kind === 'extension');
    return types.filter((type) => type.extendee.typeName === message.typeName).map((type) => type.number);
  }
}

/** Serializes a file and, before it, every file that it needs, each as a FileDescriptorProto. */
export function withDependencies(file: DescFile): Buffer[] {
  const files = new Set<DescFile>();
  const visit = (visited: DescFile) => {
    if (files.has(visited)) return;
    visited.dependencies.forEach(visit);
    files.add(visited);
  };
  visit(file);
  return [...files].map(({ proto }) => Buffer.from(toBinary(FileDescriptorProtoSchema, proto)));
}

/** Lists what a type declares, by full name. The values of an enum are named beside it, as in C++. */
function symbolsOf(type: DescMessage | DescEnum | DescExtension | DescService): string[] {
  const { typeName } = type;
  switch (type.kind) {
    case 'message':
      return [typeName, ...type.members.map(({ name }) => `${typeName}.${name}`)];
    case 'service':
      return [typeName, ...type.methods.map(({ name }) => `${typeName}.${name}`)];
    case 'enum': {
      const scope = typeName.slice(0, typeName.lastIndexOf('.') + 1);
      return [typeName, ...type.values.map(({ name }) => scope + name)];
    }
    case 'extension':
      return [typeName];
  }
}
