import { useEffect, useRef } from 'preact/hooks'
import { apiErrorOf } from '../api/api-error.ts'
import { announce, Notice } from '../parts/notice.tsx'
import { logOut, session } from '../session/session.ts'
import { views } from '../views/registry.ts'
import { currentView } from './route.ts'
import { applyTheme, type Theme, theme } from './theme.ts'

/** Navigation, who is logged in, and the view that the address names. */
export function Shell() {
  const { title, Content, id } = currentView.value
  const heading = useRef<HTMLHeadingElement>(null)
  const isFirst = useRef(true)
  useEffect(() => {
    document.title = `${title} - flightgate console`
    if (!isFirst.current) heading.current?.focus()
    isFirst.current = false
  }, [title])
  return (
    <div class="shell">
      <button type="button" class="skip" onClick={() => heading.current?.focus()}>
        Skip to the content
      </button>
      <header class="side">
        <p class="brand">flightgate</p>
        <nav aria-label="Views">
          <ul>
            {views.map((view) => (
              <li key={view.id}>
                <a href={`#/${view.id}`} aria-current={view.id === id ? 'page' : undefined}>
                  {view.title}
                </a>
              </li>
            ))}
          </ul>
        </nav>
        <Account />
      </header>
      <main id="content">
        <h1 ref={heading} tabIndex={-1}>
          {title}
        </h1>
        <Content key={id} />
      </main>
      <Notice />
    </div>
  )
}

function Account() {
  const { principal, roles, login, version } = session.value!
  const leave = () => logOut().catch((thrown: unknown) => announce(apiErrorOf(thrown).message))
  return (
    <div class="account">
      <p class="who">
        <span class="who-name">{principal}</span>
        <span class="faint">{roles.join(', ')}</span>
      </p>
      <label>
        <span>Colours</span>
        <select value={theme.value} onChange={({ currentTarget }) => applyTheme(currentTarget.value as Theme)}>
          <option value="system">As the system</option>
          <option value="light">Light</option>
          <option value="dark">Dark</option>
        </select>
      </label>
      {login !== 'none' && (
        <button type="button" onClick={leave}>
          Log out
        </button>
      )}
      <p class="faint">
        <a href="../docs">API</a> <span class="version">{version}</span>
      </p>
    </div>
  )
}
