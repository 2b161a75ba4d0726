import type { Page } from 'playwright-core'

/** A text of a page with its contrast to its background, from 1 to 21. */
export interface Contrast {
  readonly text: string
  readonly ratio: number
}

/** The contrast of each text of a page. Source: WCAG 2.2, 1.4.3. */
export async function contrastsOf(page: Page): Promise<Contrast[]> {
  return (await page.evaluate(`(${contrastsOfPage})()`)) as Contrast[]
}

/** Runs in the page. Texts that only screen readers get are left out. */
const contrastsOfPage = `() => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true })
  const rgb = (color) => {
    canvas.clearRect(0, 0, 1, 1)
    canvas.fillStyle = color
    canvas.fillRect(0, 0, 1, 1)
    return [...canvas.getImageData(0, 0, 1, 1).data]
  }
  const luminance = (color) => {
    const [r, g, b] = rgb(color).slice(0, 3).map((value) => {
      const share = value / 255
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
    })
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const background = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const color = getComputedStyle(each).backgroundColor
      if (rgb(color)[3] === 255) return color
    }
    return 'white'
  }
  const leaves = [...document.querySelectorAll('body *')].filter((element) =>
    [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim() !== ''))
  return leaves.map((element) => {
    const [one, other] = [luminance(getComputedStyle(element).color), luminance(background(element))]
    const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05)
    return { text: element.textContent.slice(0, 40), ratio }
  })
}`
