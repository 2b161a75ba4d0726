import { createFileRegistry, type DescExtension, type DescFile, fromBinary, toBinary } from '@bufbuild/protobuf'
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'

/** A .proto file, then all files that it imports, each as a serialized FileDescriptorProto. */
export type FileWithImports = readonly Uint8Array[]

/** The .proto files of a descriptor set and their declarations. Names are full names without a leading dot. */
export class Descriptors {
  readonly #registry: ReturnType<typeof createFileRegistry>
  readonly #serialized = new Map<DescFile, Uint8Array>()

  /** @param descriptorSet a serialized FileDescriptorSet, imports included. @throws Error when it is malformed */
  constructor(descriptorSet: Uint8Array) {
    this.#registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptorSet))
  }

  /** Full names of the services, in the order of the set. */
  get services(): string[] {
    return [...this.#registry.files].flatMap(({ services }) => services).map(({ typeName }) => typeName)
  }

  /** @param path as in import statements, such as `google/protobuf/timestamp.proto` */
  fileByName(path: string): FileWithImports | undefined {
    return this.#withImports(this.#registry.getFile(path))
  }

  /** The file that declares a message, an enum, an extension, a service or a method. */
  fileOfSymbol(symbol: string): FileWithImports | undefined {
    const type = this.#registry.get(symbol)
    if (type) return this.#withImports(type.file)
    const dot = symbol.lastIndexOf('.')
    const service = this.#registry.getService(symbol.slice(0, dot))
    return this.#withImports(
      service?.methods.some(({ name }) => name === symbol.slice(dot + 1)) ? service.file : undefined,
    )
  }

  /** The file that declares the extension of a message with this field number. */
  fileOfExtension(typeName: string, fieldNumber: number): FileWithImports | undefined {
    return this.#withImports(this.#extensionsOf(typeName).find(({ number }) => number === fieldNumber)?.file)
  }

  /** Field numbers of all extensions of a message. */
  extensionNumbersOf(typeName: string): number[] {
    return this.#extensionsOf(typeName).map(({ number }) => number)
  }

  #extensionsOf(typeName: string): DescExtension[] {
    const extensions = [...this.#registry].filter((type) => type.kind === 'extension')
    return extensions.filter(({ extendee }) => extendee.typeName === typeName)
  }

  #withImports(file: DescFile | undefined): FileWithImports | undefined {
    if (!file) return undefined
    const files = new Set([file])
    for (const each of files) for (const imported of each.dependencies) files.add(imported)
    return [...files].map((each) => this.#serialize(each))
  }

  /** Serializes a file and caches the bytes, since that blocks the event loop for milliseconds. */
  #serialize(file: DescFile): Uint8Array {
    const bytes = this.#serialized.get(file) ?? toBinary(FileDescriptorProtoSchema, file.proto)
    this.#serialized.set(file, bytes)
    return bytes
  }
}
