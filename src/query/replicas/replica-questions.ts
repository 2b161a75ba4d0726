import { randomUUID } from 'node:crypto'

/** Messages between replicas. Each subscriber on every replica, including the sender's, gets a message at most once. */
export interface ReplicaBus {
  publish(topic: string, message: string): Promise<void>
  subscribe(topic: string, listener: (message: string) => void): () => void
}

/** The other processes that share state with this one. */
export interface OtherReplicas {
  /** Id of this process: 12 hexadecimal digits. */
  readonly self: string
  /** Ids of the other processes that live. @throws GatewayError STATE_UNAVAILABLE */
  others(): Promise<readonly string[]>
}

/** What the other processes have answered. */
export interface Answers<A> {
  readonly answers: readonly A[]
  /** Number of processes that did not answer in time. */
  readonly missing: number
}

interface Question<Q> {
  readonly id: string
  readonly from: string
  readonly question: Q
}

interface Answer<A> {
  readonly id: string
  readonly from: string
  readonly answer: A
}

/** How long the other processes may take to answer, in milliseconds. */
const ANSWER_MS = 1000

/** Asks all other processes a question over the bus, and answers theirs. */
export class ReplicaQuestions<Q, A> {
  readonly #bus: ReplicaBus
  readonly #replicas: OtherReplicas
  readonly #topic: string
  readonly #waiting = new Map<string, (answer: Answer<A>) => void>()

  /** @param answer answers a question of another process; its error counts as no answer */
  constructor(topic: string, bus: ReplicaBus, replicas: OtherReplicas, answer: (question: Q) => A | Promise<A>) {
    this.#topic = topic
    this.#bus = bus
    this.#replicas = replicas
    const { self } = replicas
    bus.subscribe(topic, (message) => {
      const { id, from, question } = JSON.parse(message) as Question<Q>
      if (from === self) return
      const reply = async () => {
        const own: Answer<A> = { id, from: self, answer: await answer(question) }
        await bus.publish(answersTo(topic, from), JSON.stringify(own))
      }
      reply().catch(() => {})
    })
    bus.subscribe(answersTo(topic, self), (message) => {
      const given = JSON.parse(message) as Answer<A>
      this.#waiting.get(given.id)?.(given)
    })
  }

  /** Waits until all other processes have answered, for at most 1 s. @throws GatewayError STATE_UNAVAILABLE */
  async ask(question: Q): Promise<Answers<A>> {
    const missing = new Set(await this.#replicas.others())
    if (missing.size === 0) return { answers: [], missing: 0 }
    const id = randomUUID()
    const answers: A[] = []
    const { promise: all, resolve } = Promise.withResolvers<void>()
    this.#waiting.set(id, ({ from, answer }) => {
      answers.push(answer)
      missing.delete(from)
      if (missing.size === 0) resolve()
    })
    const timer = setTimeout(resolve, ANSWER_MS)
    try {
      const asked: Question<Q> = { id, from: this.#replicas.self, question }
      await this.#bus.publish(this.#topic, JSON.stringify(asked))
      await all
    } finally {
      clearTimeout(timer)
      this.#waiting.delete(id)
    }
    return { answers, missing: missing.size }
  }
}

function answersTo(topic: string, replica: string): string {
  return `${topic}-answers:${replica}`
}
