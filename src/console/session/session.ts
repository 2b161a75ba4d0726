import { signal } from '@preact/signals'
import type { Session } from '../api/answers.ts'
import { type ApiError, apiErrorOf } from '../api/api-error.ts'
import { callApi, onUnauthorized } from '../api/call.ts'

const PATH = 'console/session'

/** Who uses the console; undefined until the gateway has told. */
export const session = signal<Session | undefined>(undefined)

/** Why the gateway has not told who uses the console. */
export const sessionError = signal<ApiError | undefined>(undefined)

/** Name of the principal whose session has ended, so that it can log in again and go on. */
export const endedSession = signal<string | undefined>(undefined)

/** Asks the gateway who uses the console. */
export async function loadSession(): Promise<void> {
  try {
    sessionError.value = undefined
    session.value = await callApi<Session>(PATH)
  } catch (thrown) {
    sessionError.value = apiErrorOf(thrown)
  }
}

/** Logs in with an API key. @throws ApiError */
export async function logIn(key: string): Promise<void> {
  // As the password of Basic: a header of its own could not carry every character.
  const bytes = new TextEncoder().encode(`:${key}`)
  const authorization = `Basic ${btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''))}`
  const fresh = await callApi<Session>(PATH, { method: 'POST', headers: { authorization } })
  // What the views hold belongs to the principal before.
  if (endedSession.value !== undefined && endedSession.value !== fresh.principal) return location.reload()
  endedSession.value = undefined
  session.value = fresh
}

/** Logs out, and forgets all that the views hold. @throws ApiError */
export async function logOut(): Promise<void> {
  await callApi(PATH, { method: 'DELETE' })
  location.reload()
}

onUnauthorized(() => {
  const current = session.value
  if (!current?.principal) return
  endedSession.value = current.principal
  session.value = { ...current, principal: null }
})
