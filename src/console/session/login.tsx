import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { apiErrorOf } from '../api/api-error.ts'
import { ErrorNote, type Noted } from '../parts/error-note.tsx'
import { endedSession, logIn, session } from './session.ts'

/** The page to log in: with an API key, at an issuer, or either. */
export function Login() {
  const { sign_in: issuer, sign_in_error: refused, has_keys } = session.value!
  const error = useSignal<Noted | undefined>(refused ? { message: refused.detail, problem: refused } : undefined)
  const link = useRef<HTMLAnchorElement>(null)
  const takesKeys = has_keys || issuer === null
  useEffect(() => {
    document.title = 'Log in - flightgate console'
    if (!takesKeys) link.current?.focus()
  }, [takesKeys])
  return (
    <main class="login">
      <div class="login-card">
        <h1>
          <span class="brand">flightgate</span> console
        </h1>
        {endedSession.value !== undefined && !error.value && (
          <p role="status">The session of {endedSession.value} has ended: log in again to go on.</p>
        )}
        {error.value && <ErrorNote error={error.value} id="login-error" />}
        {issuer !== null && (
          <a ref={link} class="button primary" href="login/oidc">
            Log in with {issuer}
          </a>
        )}
        {issuer !== null && takesKeys && <p class="or">or</p>}
        {takesKeys && (
          <KeyForm
            isRefused={error.value !== undefined && error.value.problem !== refused}
            isFirst={issuer === null}
            onError={(thrown) => {
              error.value = apiErrorOf(thrown)
            }}
          />
        )}
      </div>
    </main>
  )
}

interface KeyFormProps {
  /** Whether the last key was refused. */
  readonly isRefused: boolean
  /** Whether there is no other way to log in. */
  readonly isFirst: boolean
  readonly onError: (thrown: unknown) => void
}

function KeyForm({ isRefused, isFirst, onError }: KeyFormProps) {
  const isBusy = useSignal(false)
  const field = useRef<HTMLInputElement>(null)
  useEffect(() => field.current?.focus(), [])
  const submit = async (event: SubmitEvent) => {
    event.preventDefault()
    const key = field.current!.value
    if (key === '' || isBusy.value) return
    isBusy.value = true
    try {
      await logIn(key)
    } catch (thrown) {
      onError(thrown)
      field.current?.select()
    } finally {
      isBusy.value = false
    }
  }
  return (
    <form onSubmit={submit}>
      {/* For password managers, which want a name. */}
      <input type="text" autocomplete="username" value="flightgate" hidden readOnly />
      <label for="key">API key or access token</label>
      <input
        id="key"
        ref={field}
        type="password"
        autocomplete="current-password"
        spellcheck={false}
        required
        aria-invalid={isRefused}
        aria-describedby={isRefused ? 'login-error key-hint' : 'key-hint'}
      />
      <button type="submit" class={isFirst ? 'primary' : undefined} aria-disabled={isBusy.value}>
        Log in
      </button>
      <p class="faint" id="key-hint">
        A key that your operator gave you, or an access token of your issuer. The browser keeps a token that expires,
        not the key.
      </p>
    </form>
  )
}
