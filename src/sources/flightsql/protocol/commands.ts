import { FlightDescriptor, FlightDescriptor_DescriptorType } from '../../../../gen/arrow/flight/protocol/Flight.ts'
import { Any } from '../../../arrow/ipc/any.ts'

const TYPE_PREFIX = 'type.googleapis.com/arrow.flight.protocol.sql.'

/** A Flight SQL message packed as `Any`, as commands and action bodies are. */
export function pack(name: string, value: Uint8Array): Uint8Array {
  return Any.encode({ typeUrl: TYPE_PREFIX + name, value }).finish()
}

/** The message inside an `Any`, whatever its type says. */
export function unpack(any: Uint8Array): Uint8Array {
  return Any.decode(any).value
}

/** A descriptor with a Flight SQL command. */
export function descriptorOf(name: string, value: Uint8Array): Uint8Array {
  return rawDescriptor(pack(name, value))
}

/** A descriptor with a command in whatever form. */
export function rawDescriptor(cmd: Uint8Array): Uint8Array {
  return FlightDescriptor.encode({ type: FlightDescriptor_DescriptorType.CMD, cmd, path: [] }).finish()
}
