import { ErrorNote } from './parts/error-note.tsx'
import { Login } from './session/login.tsx'
import { loadSession, session, sessionError } from './session/session.ts'
import { Shell } from './shell/shell.tsx'

/** The console: the page to log in, or the shell with a view. */
export function App() {
  const current = session.value
  if (current?.principal) return <Shell />
  if (current) return <Login />
  if (!sessionError.value) return <p class="lone">Loading</p>
  return (
    <main class="lone">
      <ErrorNote error={sessionError.value} />
      <button type="button" onClick={() => void loadSession()}>
        Try again
      </button>
    </main>
  )
}
