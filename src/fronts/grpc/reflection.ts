import { EventEmitter } from 'node:events'
import { readFileSync } from 'node:fs'
import type { Server, ServerDuplexStream, ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js'
import { GatewayError } from '../../query/errors.ts'
import type { Method, Methods } from './method.ts'

const versions = ['grpc.reflection.v1.ServerReflection', 'grpc.reflection.v1alpha.ServerReflection'] as const

type Handlers = ReadonlyMap<string, Method>

/**
 * Server reflection from the committed descriptor set, so that grpcurl and ghz need no .proto files. The library behind
 * it takes tens of milliseconds and megabytes to load, which the first caller pays, not the start-up.
 * Source: https://github.com/grpc/grpc/blob/master/doc/server-reflection.md.
 */
export function reflectionMethods(descriptorSet: URL): Methods {
  let loading: Promise<Handlers> | undefined
  const methods: Record<string, Method> = {}
  for (const version of versions) {
    const path = `/${version}/ServerReflectionInfo`
    methods[path] = {
      kind: 'bidi',
      async handle(requests, call) {
        loading ??= load(descriptorSet)
        const method = (await loading).get(path)
        if (method?.kind !== 'bidi') throw new GatewayError('UNIMPLEMENTED')
        await method.handle(requests, call)
      },
    }
  }
  return methods
}

async function load(descriptorSet: URL): Promise<Handlers> {
  const [{ ReflectionService }, { loadFileDescriptorSetFromBuffer }] = await Promise.all([
    import('@grpc/reflection'),
    import('@grpc/proto-loader'),
  ])
  const handlers = new Map<string, Method>()
  // The library registers itself with a grpc-js server; this is the part of one that it uses.
  const registrar = {
    addService(definition: ServiceDefinition, implementation: UntypedServiceImplementation) {
      for (const [name, method] of Object.entries(definition)) {
        const handler = implementation[name] ?? implementation[method.originalName ?? name]
        if (handler) handlers.set(method.path, duplexMethod(method, handler as DuplexHandler))
      }
    },
  }
  const definitions = loadFileDescriptorSetFromBuffer(readFileSync(descriptorSet))
  new ReflectionService(definitions).addToServer(registrar as unknown as Server)
  return handlers
}

type DuplexHandler = (call: ServerDuplexStream<unknown, unknown>) => void

function duplexMethod(definition: ServiceDefinition[string], handler: DuplexHandler): Method {
  return {
    kind: 'bidi',
    async handle(requests, call) {
      const stream = Object.assign(new EventEmitter(), {
        write: (message: unknown) => call.sendMessage(definition.responseSerialize(message)),
        end: () => {},
      })
      handler(stream as unknown as ServerDuplexStream<unknown, unknown>)
      for await (const request of requests) stream.emit('data', definition.requestDeserialize(request))
      stream.emit('end')
    },
  }
}
