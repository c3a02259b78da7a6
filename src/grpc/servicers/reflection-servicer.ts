import type { DescFile } from '@bufbuild/protobuf';
import { status } from '@grpc/grpc-js';
import {
  type ExtensionRequest,
  ServerReflectionRequest,
  type ServerReflectionResponse,
  ServerReflectionService,
} from '../../contract/gen/grpc/reflection/v1/reflection.js';
import { ServerReflectionService as ServerReflectionAlphaService } from '../../contract/gen/grpc/reflection/v1alpha/reflection.js';
import { bidiStreamRpc, type RpcOptions } from '../calls/rpc.js';
import { DescriptorIndex, withDependencies } from './descriptor-index.js';

type Answer = NonNullable<ServerReflectionResponse['messageResponse']>;

/**
 * Makes the RPCs of `grpc.reflection.v1.ServerReflection` and of `v1alpha`, which older tools ask for. Their
 * messages are the same on the wire, so one function answers both. What it lists is what the generated descriptors
 * have, and the server serves all of it.
 */
export function createReflectionRpcs(options: RpcOptions) {
  const index = new DescriptorIndex();
  const answer = (request: ServerReflectionRequest): ServerReflectionResponse => ({
    validHost: request.host,
    originalRequest: request,
    messageResponse: answerOne(request.messageRequest, index),
  });
  const { serverReflectionInfo } = ServerReflectionService;
  const alpha = { ...serverReflectionInfo, path: ServerReflectionAlphaService.serverReflectionInfo.path };
  const request = ServerReflectionRequest;
  return {
    v1: { serverReflectionInfo: bidiStreamRpc({ method: serverReflectionInfo, request, answer }, options) },
    v1alpha: { serverReflectionInfo: bidiStreamRpc({ method: alpha, request, answer }, options) },
  };
}

function answerOne(request: ServerReflectionRequest['messageRequest'], index: DescriptorIndex): Answer {
  switch (request?.$case) {
    case 'listServices':
      return { $case: 'listServicesResponse', value: { service: index.services.map((name) => ({ name })) } };
    case 'fileByFilename':
      return fileAnswer(index.file(request.value), `file \`${request.value}\``);
    case 'fileContainingSymbol':
      return fileAnswer(index.fileOf(request.value), `symbol \`${request.value}\``);
    case 'fileContainingExtension':
      return extensionAnswer(request.value, index);
    case 'allExtensionNumbersOfType':
      return extensionNumbersAnswer(request.value, index);
    case undefined:
      return error(
        status.INVALID_ARGUMENT,
        '`message_request` must be set to a request that this version knows.',
      );
  }
}

function fileAnswer(file: DescFile | undefined, sought: string): Answer {
  if (file === undefined) return error(status.NOT_FOUND, `There is no ${sought}.`);
  return { $case: 'fileDescriptorResponse', value: { fileDescriptorProto: withDependencies(file) } };
}

function extensionAnswer(
  { containingType, extensionNumber }: ExtensionRequest,
  index: DescriptorIndex,
): Answer {
  const message = index.message(containingType);
  const file = message && index.fileOfExtension(message, extensionNumber);
  return fileAnswer(file, `extension ${extensionNumber} of \`${containingType}\``);
}

function extensionNumbersAnswer(baseTypeName: string, index: DescriptorIndex): Answer {
  const message = index.message(baseTypeName);
  if (message === undefined) return error(status.NOT_FOUND, `There is no message \`${baseTypeName}\`.`);
  const extensionNumber = index.extensionNumbers(message);
  return { $case: 'allExtensionNumbersResponse', value: { baseTypeName, extensionNumber } };
}

function error(errorCode: status, errorMessage: string): Answer {
  return { $case: 'errorResponse', value: { errorCode, errorMessage } };
}
