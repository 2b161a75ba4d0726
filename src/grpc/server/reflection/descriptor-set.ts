import { BinaryReader } from '@bufbuild/protobuf/wire'

/** A .proto file as reflection serves it. */
export interface ProtoFile {
  readonly name: string
  readonly dependencies: readonly string[]
  /** Full names of its messages, enums, services and methods. */
  readonly symbols: readonly string[]
  readonly services: readonly string[]
  /** The serialized FileDescriptorProto. */
  readonly bytes: Uint8Array
}

type Visit = (field: number, reader: BinaryReader) => boolean

/** Walks the fields of a message; those that `visit` does not read are skipped. */
function walk(bytes: Uint8Array, visit: Visit): void {
  const reader = new BinaryReader(bytes)
  while (reader.pos < reader.len) {
    const tag = reader.uint32()
    if (!visit(tag >>> 3, reader)) reader.skip(tag & 7)
  }
}

/**
 * Reads a serialized FileDescriptorSet as far as reflection needs it.
 * Source: https://github.com/protocolbuffers/protobuf/blob/main/src/google/protobuf/descriptor.proto (field numbers).
 */
export function readDescriptorSet(bytes: Uint8Array): ProtoFile[] {
  const files: ProtoFile[] = []
  walk(bytes, (field, reader) => {
    if (field !== 1) return false
    files.push(readFile(reader.bytes()))
    return true
  })
  return files
}

function readFile(bytes: Uint8Array): ProtoFile {
  let name = ''
  let scope = ''
  const dependencies: string[] = []
  const messages: Uint8Array[] = []
  const enums: Uint8Array[] = []
  const services: Uint8Array[] = []
  walk(bytes, (field, reader) => {
    if (field === 1) name = reader.string()
    else if (field === 2) scope = reader.string()
    else if (field === 3) dependencies.push(reader.string())
    else if (field === 4) messages.push(reader.bytes())
    else if (field === 5) enums.push(reader.bytes())
    else if (field === 6) services.push(reader.bytes())
    else return false
    return true
  })
  const serviceNames = services.map((each) => `${scope}.${nameOf(each)}`)
  const symbols = [
    ...messages.flatMap((each) => messageSymbols(each, scope)),
    ...enums.map((each) => `${scope}.${nameOf(each)}`),
    ...services.flatMap((each, i) => [
      serviceNames[i]!,
      ...childNames(each, 2).map((method) => `${serviceNames[i]}.${method}`),
    ]),
  ]
  return { name, dependencies, symbols, services: serviceNames, bytes }
}

function messageSymbols(bytes: Uint8Array, scope: string): string[] {
  const name = `${scope}.${nameOf(bytes)}`
  const nested: string[] = []
  walk(bytes, (field, reader) => {
    if (field === 3) nested.push(...messageSymbols(reader.bytes(), name))
    else if (field === 4) nested.push(`${name}.${nameOf(reader.bytes())}`)
    else return false
    return true
  })
  return [name, ...nested]
}

function nameOf(bytes: Uint8Array): string {
  let name = ''
  walk(bytes, (field, reader) => {
    if (field !== 1) return false
    name = reader.string()
    return true
  })
  return name
}

function childNames(bytes: Uint8Array, wanted: number): string[] {
  const names: string[] = []
  walk(bytes, (field, reader) => {
    if (field !== wanted) return false
    names.push(nameOf(reader.bytes()))
    return true
  })
  return names
}
