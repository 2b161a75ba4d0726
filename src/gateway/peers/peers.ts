import type { Frame } from '../../arrow/ipc/frame.ts'
import type { Channel, UpstreamTls } from '../../grpc/client/channel.ts'
import type { GrpcCall } from '../../grpc/server/call.ts'
import { FORWARDED_HEADER } from '../../grpc/server/metadata.ts'
import { GatewayError } from '../../query/errors.ts'
import { OwnedElsewhere } from '../../query/replicas/owned-elsewhere.ts'
import type { Sealer } from '../../query/seal/sealer.ts'
import { ForwardMarks } from './forward-mark.ts'
import { PeerChannels } from './peer-channels.ts'
import { RelayedCall } from './relay-call.ts'
import type { ReplicaDirectory } from './replica-directory.ts'

/** Dependencies of `Peers`. */
export interface PeersDependencies {
  readonly directory: ReplicaDirectory
  readonly sealer: Sealer
  /** Whether this process may reach others. */
  readonly isEnabled: boolean
  readonly tls: UpstreamTls
  /** Limit of a unary answer, in bytes. */
  readonly maxAnswerBytes: number
  /** A bearer token for a call whose caller only a certificate tells, which the other process does not see. */
  readonly tokenOf: (call: GrpcCall) => string | undefined
}

/**
 * Passes calls on to the process that has their transaction or statement: once at most, with the caller's own credentials, so
 * that the other process decides as if the client had called it.
 */
export class Peers {
  readonly #deps: PeersDependencies
  readonly #marks: ForwardMarks
  readonly #channels: PeerChannels

  constructor(deps: PeersDependencies) {
    this.#deps = deps
    this.#marks = new ForwardMarks(deps.sealer)
    this.#channels = new PeerChannels((id) => deps.directory.addressOf(id), deps.tls)
  }

  /** Id of this process. */
  get self(): string {
    return this.#deps.directory.self
  }

  /** Whether another process has passed the call on. */
  hasForwarded(call: GrpcCall): boolean {
    return this.#marks.isOn(call)
  }

  /** Whether headers say so of a call that has not been authenticated. */
  areForwarded(headers: GrpcCall['headers']): boolean {
    return this.#marks.areOn(headers)
  }

  /**
   * Finds the process that has a statement.
   * @throws OwnedElsewhere if it is another one, and the call can be passed on to it. GatewayError STATE_UNAVAILABLE
   */
  async seek(owner: string | undefined, call: GrpcCall): Promise<void> {
    if (owner === undefined || owner === this.self || !this.#deps.isEnabled || this.hasForwarded(call)) return
    const channel = await this.#channels.to(owner).catch((error: unknown) => {
      // The statement can run again here.
      if (error instanceof GatewayError && error.code === 'REPLICA_UNAVAILABLE') return undefined
      throw error
    })
    if (channel) throw new OwnedElsewhere(owner)
  }

  /** Passes a unary call on. @throws GatewayError as the owner; UNKNOWN_TRANSACTION, REPLICA_UNAVAILABLE, STATE_UNAVAILABLE */
  async single(found: OwnedElsewhere, call: GrpcCall, request: Uint8Array): Promise<Uint8Array> {
    const channel = await this.#channelTo(found, call)
    return await new RelayedCall(channel, call, [request], this.#extraOf(call)).single(this.#deps.maxAnswerBytes)
  }

  /** Passes a streaming call on. @throws GatewayError as `single` */
  async stream(
    found: OwnedElsewhere,
    call: GrpcCall,
    messages: readonly Uint8Array[] | AsyncIterable<Frame>,
  ): Promise<void> {
    const channel = await this.#channelTo(found, call)
    await new RelayedCall(channel, call, messages, this.#extraOf(call)).stream()
  }

  close(): void {
    this.#channels.close()
  }

  /** Headers that a call gets on its way. */
  #extraOf(call: GrpcCall): Readonly<Record<string, string>> {
    const token = this.#deps.tokenOf(call)
    return {
      [FORWARDED_HEADER]: this.#marks.of(call),
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    }
  }

  async #channelTo(found: OwnedElsewhere, call: GrpcCall): Promise<Channel> {
    if (!this.#deps.isEnabled) throw found
    const channel = this.hasForwarded(call) ? undefined : await this.#channels.to(found.owner)
    if (channel) return channel
    throw new GatewayError(
      'UNKNOWN_TRANSACTION',
      'The replica that had the transaction has ended, and the transaction with it: begin a new one.',
    )
  }
}
