import { FlightDescriptor, FlightDescriptor_DescriptorType } from '../../../../gen/arrow/flight/protocol/Flight.ts'
import { Any } from '../../../arrow/ipc/any.ts'

const TYPE_PREFIX = 'type.googleapis.com/arrow.flight.protocol.sql.'

/** Packs a Flight SQL message as `Any`, the form of commands and action bodies. */
export function pack(name: string, value: Uint8Array): Uint8Array {
  return Any.encode({ typeUrl: TYPE_PREFIX + name, value }).finish()
}

/** Unpacks the message inside an `Any` without a check of its type. */
export function unpack(any: Uint8Array): Uint8Array {
  return Any.decode(any).value
}

/** Encodes a descriptor with a Flight SQL command. */
export function descriptorOf(name: string, value: Uint8Array): Uint8Array {
  return rawDescriptor(pack(name, value))
}

/** Encodes a descriptor with raw command bytes. */
export function rawDescriptor(cmd: Uint8Array): Uint8Array {
  return FlightDescriptor.encode({ type: FlightDescriptor_DescriptorType.CMD, cmd, path: [] }).finish()
}
