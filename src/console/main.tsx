import { render } from 'preact'
import { App } from './app.tsx'
import { loadSession } from './session/session.ts'
import { applyTheme } from './shell/theme.ts'

applyTheme()
void loadSession()
render(<App />, document.getElementById('console')!)
