import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { type ApiError, apiErrorOf } from '../api/api-error.ts'
import { ErrorNote } from '../parts/error-note.tsx'
import { endedSession, logIn, session } from './session.ts'

/** The page to log in with an API key. */
export function Login() {
  const error = useSignal<ApiError | undefined>(undefined)
  const isBusy = useSignal(false)
  const field = useRef<HTMLInputElement>(null)
  useEffect(() => {
    document.title = 'Log in - flightgate console'
    field.current?.focus()
  }, [])
  const submit = async (event: SubmitEvent) => {
    event.preventDefault()
    const key = field.current!.value
    if (key === '' || isBusy.value) return
    isBusy.value = true
    try {
      await logIn(key)
    } catch (thrown) {
      error.value = apiErrorOf(thrown)
      field.current?.select()
    } finally {
      isBusy.value = false
    }
  }
  return (
    <main class="login">
      <form class="login-card" onSubmit={submit}>
        <h1>
          <span class="brand">flightgate</span> console
        </h1>
        {endedSession.value !== undefined && !error.value && (
          <p role="status">The session of {endedSession.value} has ended: log in again to go on.</p>
        )}
        {/* For password managers, which want a name. */}
        <input type="text" autocomplete="username" value="flightgate" hidden readOnly />
        <label for="key">API key</label>
        <input
          id="key"
          ref={field}
          type="password"
          autocomplete="current-password"
          spellcheck={false}
          required
          aria-invalid={error.value !== undefined}
          aria-describedby={error.value ? 'login-error' : undefined}
        />
        {error.value && <ErrorNote error={error.value} id="login-error" />}
        <button type="submit" class="primary" aria-disabled={isBusy.value}>
          Log in
        </button>
        {session.value?.sign_in && <a href="login/oidc">Log in with {session.value.sign_in}</a>}
        <p class="faint">
          A key of the configuration (auth.apiKeys). The browser keeps a token that expires, not the key.
        </p>
      </form>
    </main>
  )
}
