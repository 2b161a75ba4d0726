/** The JSON object that a record is written into. */
type Json = Record<string, unknown>

/** Writes one member of a record into a JSON object, and reads it back. */
export interface FieldCodec<V> {
  readonly write: (value: V, into: Json) => void
  readonly read: (from: Json) => V
}

/** A codec for each member of `T`. The compiler fails if a member has no codec, so a new member cannot be forgotten. */
export type Fields<T> = { readonly [K in keyof Required<T>]: FieldCodec<T[K]> }

/** Encodes a value as bytes, and decodes it. */
export interface Codec<T> {
  encode(value: T): Uint8Array
  /** @throws SyntaxError or TypeError if the bytes are not from `encode` */
  decode(bytes: Buffer): T
}

/** A record as JSON text. Tickets contain records, so keys are short and absent members take no bytes. */
export function record<T extends object>(fields: Fields<T>): Codec<T> {
  const { write, read } = inline(fields)
  return {
    encode(value) {
      const json: Json = {}
      write(value, json)
      return Buffer.from(JSON.stringify(json))
    },
    decode: (bytes) => read(JSON.parse(bytes.toString()) as Json),
  }
}

/** A record whose members are stored flat in the outer record; the keys of both must differ. */
export function inline<T extends object>(fields: Fields<T>): FieldCodec<T> {
  const all = Object.entries(fields) as [keyof T, FieldCodec<unknown>][]
  const written = all.filter(([, { write }]) => write !== writeNothing)
  const read = all.filter(([, codec]) => codec !== leftOut)
  // Plain loops over plain arrays: this runs for each statement.
  const [writeNames, writers] = [written.map(([name]) => name), written.map(([, { write }]) => write)]
  const [readNames, readers] = [read.map(([name]) => name), read.map(([, { read }]) => read)]
  return {
    write(value, into) {
      for (let i = 0; i < writers.length; i++) writers[i]!(value[writeNames[i]!], into)
    },
    read(from) {
      const value: Partial<Record<keyof T, unknown>> = {}
      for (let i = 0; i < readers.length; i++) {
        const member = readers[i]!(from)
        if (member !== undefined) value[readNames[i]!] = member
      }
      return value as T
    },
  }
}

/** A record in a nested JSON object. */
export function nested<T extends object>(key: string, fields: Fields<T>): FieldCodec<T> {
  const { write, read } = inline(fields)
  return {
    write(value, into) {
      const json: Json = {}
      write(value, json)
      into[key] = json
    },
    read: (from) => read(from[key] as Json),
  }
}

/** A union of records, discriminated by `kind`. The first kind takes no bytes; the others store their index. */
export function oneOf<T extends { readonly kind: string }>(
  key: string,
  cases: { readonly [K in T['kind']]: Fields<Extract<T, { readonly kind: K }>> },
): FieldCodec<T> {
  const kinds = Object.keys(cases) as T['kind'][]
  const numberOf = new Map(kinds.map((kind, number) => [kind, number]))
  const codecs = kinds.map((kind) => inline(cases[kind]) as unknown as FieldCodec<T>)
  return {
    write(value, into) {
      const number = numberOf.get(value.kind)!
      if (number > 0) into[key] = number
      codecs[number]!.write(value, into)
    },
    read: (from) => codecs[(from[key] as number | undefined) ?? 0]!.read(from),
  }
}

/** A required text. */
export function text(key: string): FieldCodec<string> {
  return {
    write(value, into) {
      into[key] = value
    },
    read(from) {
      const value = from[key]
      // A record from another version of the gateway may lack the member.
      if (typeof value !== 'string') throw new TypeError(`The member ${key} is not a text.`)
      return value
    },
  }
}

/** A JSON value; absent if undefined. */
export function json<V>(key: string): FieldCodec<V> {
  return {
    write(value, into) {
      if (value !== undefined) into[key] = value
    },
    read: (from) => from[key] as V,
  }
}

/** A JSON object; takes no bytes if empty. */
export function options<V extends object>(key: string): FieldCodec<V> {
  return {
    write(value, into) {
      for (const _ in value) {
        into[key] = value
        return
      }
    },
    read: (from) => (from[key] ?? {}) as V,
  }
}

export function bytes(key: string): FieldCodec<Uint8Array> {
  return {
    write(value, into) {
      into[key] = base64(value)
    },
    read: (from) => Buffer.from(from[key] as string, 'base64'),
  }
}

export function optionalBytes(key: string): FieldCodec<Uint8Array | undefined> {
  return {
    write(value, into) {
      if (value) into[key] = base64(value)
    },
    read(from) {
      const value = from[key] as string | undefined
      return value === undefined ? undefined : Buffer.from(value, 'base64')
    },
  }
}

/** A boolean; takes bytes only if true. */
export function flag(key: string): FieldCodec<boolean> {
  return {
    write(value, into) {
      if (value) into[key] = 1
    },
    read: (from) => from[key] === 1,
  }
}

/** As `flag`, but reads false as undefined. */
export function optionalFlag(key: string): FieldCodec<boolean | undefined> {
  return {
    write(value, into) {
      if (value) into[key] = 1
    },
    read: (from) => (from[key] === 1 ? true : undefined),
  }
}

/** A member that is not encoded, and always decodes to the same value. */
export function constant<V>(value: V): FieldCodec<V> {
  return { write: writeNothing, read: () => value }
}

/** A member that is not encoded. Add a comment with the reason at each use. */
export const leftOut: { readonly write: () => void; readonly read: () => undefined } = {
  write: writeNothing,
  read: () => undefined,
}

function writeNothing(): void {}

function base64({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('base64')
}
