import { useSignal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { useLayoutEffect, useRef } from 'preact/hooks'

interface ScrollProps {
  /** What is in it, for screen readers. */
  readonly label: string
  readonly children: ComponentChildren
}

/** A box around a table that may be wider than the window. Where it is, the box scrolls, also by keyboard. */
export function Scroll({ label, children }: ScrollProps) {
  const box = useRef<HTMLDivElement>(null)
  const isWide = useSignal(false)
  useLayoutEffect(() => {
    const element = box.current!
    const observer = new ResizeObserver(() => {
      isWide.value = element.scrollWidth > element.clientWidth
    })
    observer.observe(element)
    for (const child of element.children) observer.observe(child)
    return () => observer.disconnect()
  }, [isWide])
  const reached = isWide.value && ({ role: 'group', tabIndex: 0, 'aria-label': `${label}, scrolls sideways` } as const)
  return (
    <div ref={box} class="scroll" {...reached}>
      {children}
    </div>
  )
}
