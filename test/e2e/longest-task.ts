import type { Browser, Page } from 'playwright-core'

/** An event of a trace. Source: the document "Trace Event Format" of Chromium. */
interface TraceEvent {
  readonly name: string
  readonly ph: string
  readonly pid: number
  readonly tid: number
  /** Processor time that the thread has used, in microseconds. */
  readonly tdur?: number
  readonly args?: { readonly name?: string }
}

/**
 * Does something in a page. Returns the longest task of a page's main thread meanwhile, in milliseconds of processor time: by the
 * clock a task on a busy machine also takes the time in which its thread waits for a processor.
 */
export async function longestTaskMs(browser: Browser, page: Page, work: () => Promise<unknown>): Promise<number> {
  await browser.startTracing(page, { categories: ['toplevel'] })
  let trace: Buffer
  try {
    await work()
  } finally {
    trace = await browser.stopTracing()
  }
  const { traceEvents } = JSON.parse(trace.toString()) as { readonly traceEvents: readonly TraceEvent[] }
  const threadOf = ({ pid, tid }: TraceEvent) => `${pid} ${tid}`
  const isMain = ({ name, args }: TraceEvent) => name === 'thread_name' && args?.name === 'CrRendererMain'
  const threads = new Set(traceEvents.filter(isMain).map(threadOf))
  const times = traceEvents.flatMap((event) => (threads.has(threadOf(event)) && event.tdur ? [event.tdur / 1000] : []))
  if (times.length === 0) throw new Error('the trace has no tasks of the page')
  return times.reduce((longest, each) => Math.max(longest, each))
}
