import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { GatewayError } from '../errors.ts'

/** Purpose of a sealed value. `open` never accepts one kind as another. */
export const SealKind = {
  ticket: 1,
  bearer: 2,
  prepared: 3,
  transaction: 4,
  poll: 5,
  metadata: 6,
  savepoint: 7,
  forwarded: 8,
  login: 9,
  loginFailure: 10,
  replica: 11,
} as const
export type SealKind = (typeof SealKind)[keyof typeof SealKind]

/** The contents of a sealed value. */
export interface Opened {
  readonly principal: string
  /** Unix time in milliseconds. */
  readonly expiresAt: number
  readonly payload: Buffer
}

const VERSION = 1
const HEADER_BYTES = 28 // version 1, kind 1, key id 4, salt 16, counter 6
const TAG_BYTES = 16
const SALT_BYTES = 16
const SECRET_BYTES = 32
const MAX_SALTS = 256
/** Size of the cache of recently sealed or opened values: clients return tickets soon, and handles repeatedly. */
const MAX_RECENT_BYTES = 4 << 20
const RECENT_OVERHEAD_BYTES = 200

/** A key that every process with the same secrets derives, to tell what one of them has written elsewhere. */
export interface SharedKey {
  /** Tells keys apart, and nothing about them: 8 hexadecimal digits. */
  readonly id: string
  readonly key: KeyObject
}

interface MasterKey {
  readonly id: number
  readonly secret: Buffer
}

/**
 * Seals tickets, handles and tokens. Any replica with the same keys can open them; clients cannot read, change or forge them.
 * Uses AES-256-GCM. Each process derives its own key from the master key and a random salt (HKDF-SHA256), so its nonces are a
 * counter and never repeat, however many replicas and tickets there are.
 * Source: NIST SP 800-38D section 8.2.1 (deterministic nonces); RFC 5869.
 */
export class Sealer {
  #masters: readonly MasterKey[]
  readonly #salt = randomBytes(SALT_BYTES)
  #key: KeyObject
  readonly #derived = new LRUCache<string, KeyObject>({ max: MAX_SALTS })
  readonly #recent = new LRUCache<string, Opened>({
    maxSize: MAX_RECENT_BYTES,
    maxEntrySize: MAX_RECENT_BYTES >> 6,
    sizeCalculation: ({ payload }, sealed) => sealed.length + payload.byteLength + RECENT_OVERHEAD_BYTES,
  })
  readonly #shared = new Map<string, SharedKey>()
  #counter = 0

  /** @param secrets at least one, each long and random; the first one seals, all of them open */
  constructor(secrets: readonly string[]) {
    this.#masters = secrets.map(masterOf)
    this.#key = derive(this.#masters[0]!.secret, this.#salt)
  }

  /** Seals with the first of these secrets from now on, and opens what any of them has sealed. @param secrets at least one */
  update(secrets: readonly string[]): void {
    this.#use(secrets.map(masterOf))
  }

  /** Seals with a new random secret from now on. What earlier ones have sealed opens on, for the last `kept` of them. */
  rotate(kept: number): void {
    this.#use([masterOf(randomBytes(SECRET_BYTES).toString('hex')), ...this.#masters.slice(0, kept)])
  }

  #use(masters: readonly MasterKey[]): void {
    this.#masters = masters
    // The counter goes on: even with the same secret no nonce repeats.
    this.#key = derive(masters[0]!.secret, this.#salt)
    this.#derived.clear()
    this.#recent.clear()
    this.#shared.clear()
  }

  /** The key of a purpose that comes from the first secret. */
  sharedKey(purpose: string): SharedKey {
    let shared = this.#shared.get(purpose)
    if (!shared) {
      const { id, secret } = this.#masters[0]!
      const bytes = Buffer.from(hkdfSync('sha256', secret, '', `flightgate ${purpose} v1`, SECRET_BYTES))
      shared = { id: id.toString(16).padStart(8, '0'), key: createSecretKey(bytes) }
      this.#shared.set(purpose, shared)
    }
    return shared
  }

  /** Seals `payload` for `principal` until `expiresAt` (Unix milliseconds). Adds about 60 bytes. */
  seal(kind: SealKind, principal: string, expiresAt: number, payload: Uint8Array): Buffer {
    const name = Buffer.from(principal)
    const out = Buffer.allocUnsafe(HEADER_BYTES)
    out[0] = VERSION
    out[1] = kind
    out.writeUInt32BE(this.#masters[0]!.id, 2)
    this.#salt.copy(out, 6)
    out.writeUIntBE(this.#counter++, 22, 6)
    const payloadAt = 7 + name.length
    // Allocate outside the shared pool, so that the cached payload does not keep a pool block alive.
    const plain = Buffer.allocUnsafeSlow(payloadAt + payload.byteLength)
    plain.writeUIntBE(Math.floor(expiresAt), 0, 6)
    plain[6] = name.length
    plain.set(name, 7)
    plain.set(payload, payloadAt)
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonceOf(out))
    cipher.setAAD(out)
    const text = cipher.update(plain)
    // GCM is a stream mode: `final` returns no bytes.
    cipher.final()
    const sealed = Buffer.concat([out, text, cipher.getAuthTag()])
    this.#recent.set(sealed.toString('latin1'), {
      principal,
      expiresAt: Math.floor(expiresAt),
      payload: plain.subarray(payloadAt),
    })
    return sealed
  }

  /**
   * Opens a value that `seal` made on this or another replica. The caller checks the expiry.
   * @throws GatewayError BAD_TICKET if the value is not a sealed one of this kind, FORGED_TICKET if it was changed or its key is
   *   unknown
   */
  open(kind: SealKind, sealed: Uint8Array): Opened {
    const bytes = Buffer.isBuffer(sealed) ? sealed : Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength)
    if (bytes.length < HEADER_BYTES + TAG_BYTES + 7 || bytes[0] !== VERSION || bytes[1] !== kind)
      throw new GatewayError('BAD_TICKET')
    const text = bytes.toString('latin1')
    const known = this.#recent.get(text)
    if (known) return known
    const master = this.#masters.find(({ id }) => id === bytes.readUInt32BE(2))
    if (!master) throw new GatewayError('FORGED_TICKET')
    const header = bytes.subarray(0, HEADER_BYTES)
    const decipher = createDecipheriv('aes-256-gcm', this.#keyFor(master, bytes.subarray(6, 22)), nonceOf(header))
    decipher.setAAD(header)
    decipher.setAuthTag(bytes.subarray(bytes.length - TAG_BYTES))
    let plain: Buffer
    try {
      const part = decipher.update(bytes.subarray(HEADER_BYTES, bytes.length - TAG_BYTES))
      decipher.final()
      plain = part
    } catch (cause) {
      throw new GatewayError('FORGED_TICKET', undefined, { cause })
    }
    const nameEnd = 7 + plain[6]!
    const opened = {
      expiresAt: plain.readUIntBE(0, 6),
      principal: plain.toString('utf8', 7, nameEnd),
      payload: plain.subarray(nameEnd),
    }
    this.#recent.set(text, opened)
    return opened
  }

  #keyFor(master: MasterKey, salt: Buffer): KeyObject {
    if (master === this.#masters[0] && salt.equals(this.#salt)) return this.#key
    const name = `${master.id}:${salt.toString('latin1')}`
    let key = this.#derived.get(name)
    if (!key) {
      key = derive(master.secret, salt)
      this.#derived.set(name, key)
    }
    return key
  }
}

function masterOf(secret: string): MasterKey {
  const hash = createHash('sha256').update(secret).digest()
  return { id: createHash('sha256').update(hash).digest().readUInt32BE(0), secret: hash }
}

function derive(secret: Buffer, salt: Buffer): KeyObject {
  return createSecretKey(Buffer.from(hkdfSync('sha256', secret, salt, 'flightgate seal v1', 32)))
}

function nonceOf(header: Buffer): Buffer {
  const nonce = Buffer.alloc(12)
  header.copy(nonce, 6, 22, 28)
  return nonce
}
