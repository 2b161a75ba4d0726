import { BinaryReader, BinaryWriter } from '@bufbuild/protobuf/wire'

/** A protobuf message with its type URL; Flight SQL wraps commands and tickets in it. */
export interface Any {
  typeUrl: string
  value: Uint8Array
}

const TYPE_URL = 0x0a // field 1, length-delimited
const VALUE = 0x12 // field 2, length-delimited

/** Codec of `google.protobuf.Any`. Source: https://protobuf.dev/reference/protobuf/google.protobuf/#any. */
export const Any = {
  encode({ typeUrl, value }: Any): BinaryWriter {
    return new BinaryWriter().uint32(TYPE_URL).string(typeUrl).uint32(VALUE).bytes(value)
  },

  decode(input: BinaryReader | Uint8Array): Any {
    const reader = input instanceof BinaryReader ? input : new BinaryReader(input)
    const any: Any = { typeUrl: '', value: new Uint8Array(0) }
    while (reader.pos < reader.len) {
      const tag = reader.uint32()
      if (tag === TYPE_URL) any.typeUrl = reader.string()
      else if (tag === VALUE) any.value = reader.bytes()
      else reader.skip(tag & 7)
    }
    return any
  },
}
