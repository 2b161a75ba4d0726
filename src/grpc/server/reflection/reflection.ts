import { readFile } from 'node:fs/promises'
import { ServerReflectionRequest, ServerReflectionResponse } from '../../../../gen/grpc/reflection/v1/reflection.ts'
import { GrpcStatus } from '../../../query/errors.ts'
import { decodeMessage } from '../decode.ts'
import type { Methods } from '../method.ts'
import type { Descriptors, FileWithImports } from './descriptors.ts'

type Answer = NonNullable<ServerReflectionResponse['messageResponse']>

/**
 * Server reflection from the committed descriptor set, so that grpcurl and ghz need no .proto files. Both published
 * versions of the service have the same messages.
 * Source: https://github.com/grpc/grpc/blob/master/doc/server-reflection.md.
 */
export function reflectionMethods(descriptorSet: URL): Methods {
  let opened: Promise<Descriptors> | undefined
  const open = async () => {
    try {
      return await openDescriptors(descriptorSet)
    } catch (error) {
      // The next request tries again.
      opened = undefined
      throw error
    }
  }
  const method: Methods[string] = {
    kind: 'bidi',
    background: true,
    async handle(requests, call) {
      for await (const bytes of requests) {
        opened ??= open()
        const descriptors = await opened
        const request = decodeMessage(ServerReflectionRequest, bytes)
        const response = {
          validHost: request.host,
          originalRequest: request,
          messageResponse: answer(descriptors, request),
        }
        await call.sendMessage(ServerReflectionResponse.encode(response).finish())
      }
    },
  }
  return {
    '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo': method,
    '/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo': method,
  }
}

/** Loads protobuf's registry with the first request, since it takes about 20 MiB. */
async function openDescriptors(descriptorSet: URL): Promise<Descriptors> {
  const { Descriptors } = await import('./descriptors.ts')
  return new Descriptors(await readFile(descriptorSet))
}

function answer(descriptors: Descriptors, { messageRequest }: ServerReflectionRequest): Answer {
  switch (messageRequest?.$case) {
    case 'listServices': {
      const service = descriptors.services.map((name) => ({ name }))
      return { $case: 'listServicesResponse', value: { service } }
    }
    case 'fileByFilename':
      return fileAnswer(descriptors.fileByName(messageRequest.value))
    case 'fileContainingSymbol':
      return fileAnswer(descriptors.fileOfSymbol(messageRequest.value))
    case 'fileContainingExtension': {
      const { containingType, extensionNumber } = messageRequest.value
      return fileAnswer(descriptors.fileOfExtension(containingType, extensionNumber))
    }
    case 'allExtensionNumbersOfType': {
      const baseTypeName = messageRequest.value
      const extensionNumber = descriptors.extensionNumbersOf(baseTypeName)
      return { $case: 'allExtensionNumbersResponse', value: { baseTypeName, extensionNumber } }
    }
    default:
      return notFound()
  }
}

function fileAnswer(file: FileWithImports | undefined): Answer {
  if (!file) return notFound()
  return { $case: 'fileDescriptorResponse', value: { fileDescriptorProto: [...file] } }
}

function notFound(): Answer {
  return {
    $case: 'errorResponse',
    value: { errorCode: GrpcStatus.NOT_FOUND, errorMessage: 'There is nothing of this name.' },
  }
}
