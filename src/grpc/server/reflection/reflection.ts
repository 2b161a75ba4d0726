import { readFileSync } from 'node:fs'
import { ServerReflectionRequest, ServerReflectionResponse } from '../../../../gen/grpc/reflection/v1/reflection.ts'
import { GrpcStatus } from '../../../query/errors.ts'
import { decodeMessage } from '../decode.ts'
import type { Methods } from '../method.ts'
import { type ProtoFile, readDescriptorSet } from './descriptor-set.ts'

type Answer = NonNullable<ServerReflectionResponse['messageResponse']>

/**
 * Server reflection from the committed descriptor set, so that grpcurl and ghz need no .proto files. Both published
 * versions of the service have the same messages.
 * Source: https://github.com/grpc/grpc/blob/master/doc/server-reflection.md.
 */
export function reflectionMethods(descriptorSet: URL): Methods {
  let files: readonly ProtoFile[] | undefined
  const method: Methods[string] = {
    kind: 'bidi',
    background: true,
    async handle(requests, call) {
      for await (const bytes of requests) {
        files ??= readDescriptorSet(readFileSync(descriptorSet))
        const request = decodeMessage(ServerReflectionRequest, bytes)
        const response = { validHost: request.host, originalRequest: request, messageResponse: answer(files, request) }
        await call.sendMessage(ServerReflectionResponse.encode(response).finish())
      }
    },
  }
  return {
    '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo': method,
    '/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo': method,
  }
}

function answer(files: readonly ProtoFile[], { messageRequest }: ServerReflectionRequest): Answer {
  switch (messageRequest?.$case) {
    case 'listServices': {
      const service = files.flatMap(({ services }) => services).map((name) => ({ name }))
      return { $case: 'listServicesResponse', value: { service } }
    }
    case 'fileByFilename':
      return withDependencies(
        files,
        files.find(({ name }) => name === messageRequest.value),
      )
    case 'fileContainingSymbol':
      return withDependencies(
        files,
        files.find(({ symbols }) => symbols.includes(messageRequest.value)),
      )
    case 'allExtensionNumbersOfType':
      return {
        $case: 'allExtensionNumbersResponse',
        value: { baseTypeName: messageRequest.value, extensionNumber: [] },
      }
    default:
      return notFound()
  }
}

function withDependencies(files: readonly ProtoFile[], file: ProtoFile | undefined): Answer {
  if (!file) return notFound()
  const wanted = new Set([file])
  for (const each of wanted)
    for (const name of each.dependencies) {
      const dependency = files.find((candidate) => candidate.name === name)
      if (dependency) wanted.add(dependency)
    }
  return { $case: 'fileDescriptorResponse', value: { fileDescriptorProto: [...wanted].map(({ bytes }) => bytes) } }
}

function notFound(): Answer {
  return {
    $case: 'errorResponse',
    value: { errorCode: GrpcStatus.NOT_FOUND, errorMessage: 'There is nothing of this name.' },
  }
}
