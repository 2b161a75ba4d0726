const names = ['text', 'faint', 'line', 'accent', 'good', 'warn', 'bad', 'second'] as const

/** The colours of the theme, computed: a canvas knows no variables. */
export function themeColours(): Readonly<Record<string, string>> {
  const probe = document.createElement('span')
  probe.hidden = true
  document.body.append(probe)
  try {
    return Object.fromEntries(
      names.map((name) => {
        probe.style.color = `var(--${name})`
        return [name, getComputedStyle(probe).color]
      }),
    )
  } finally {
    probe.remove()
  }
}
