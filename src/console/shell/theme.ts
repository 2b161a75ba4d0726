import { signal } from '@preact/signals'

/** `system` follows the preference of the system. */
export type Theme = 'system' | 'light' | 'dark'

const KEY = 'flightgate.theme'
const themes: readonly string[] = ['system', 'light', 'dark'] satisfies Theme[]

/** The chosen theme, which the browser keeps. */
export const theme = signal<Theme>(stored())

/** Applies a theme to the page. */
export function applyTheme(chosen: Theme = theme.value): void {
  theme.value = chosen
  document.documentElement.dataset['theme'] = chosen
  try {
    localStorage.setItem(KEY, chosen)
  } catch {
    // A browser that keeps nothing.
  }
}

function stored(): Theme {
  try {
    const value = localStorage.getItem(KEY) ?? ''
    return themes.includes(value) ? (value as Theme) : 'system'
  } catch {
    return 'system'
  }
}
