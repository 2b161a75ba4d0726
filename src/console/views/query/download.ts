import { signal } from '@preact/signals'
import { type ApiError, apiErrorOf, ApiError as Failure, isAborted } from '../../api/api-error.ts'
import { openAnswer } from '../../api/call.ts'
import { formatBytes } from '../../format/figures.ts'
import { announce } from '../../parts/notice.tsx'
import { type Asked, bodyOf } from './query-run.ts'

/** Largest download where the browser cannot write to a file as the rows come, since it holds all in memory. */
export const MAX_HELD_BYTES = 256 * 2 ** 20

/** Forms of a download. */
export type DownloadForm = 'csv' | 'arrow'

const forms = {
  csv: { extension: 'csv', type: 'text/csv', about: 'CSV' },
  arrow: { extension: 'arrows', type: 'application/vnd.apache.arrow.stream', about: 'Arrow stream' },
} as const

/** Bytes of the download that is going on; undefined if there is none. */
export const downloadedBytes = signal<number | undefined>(undefined)
export const downloadError = signal<ApiError | undefined>(undefined)

let running: AbortController | undefined

/** Where a download goes. */
interface Target {
  write(bytes: Uint8Array<ArrayBuffer>): Promise<void>
  /** Ends the file. */
  close(): Promise<void>
  /** Drops the file. */
  abort(): Promise<void>
}

/** A part of the File System API that only some browsers have. */
interface FilePicker {
  showSaveFilePicker?(options: object): Promise<{ createWritable(): Promise<Target> }>
}

const picker = () => (window as unknown as FilePicker).showSaveFilePicker?.bind(window)

/** Whether the browser writes to a file as the rows come, so that the size of a download has no bound. */
export function writesToFiles(): boolean {
  return picker() !== undefined
}

/** Runs a statement again and saves its rows. The statement is in the body of the request, and in no address. */
export async function download(asked: Asked, form: DownloadForm): Promise<void> {
  running?.abort()
  const controller = new AbortController()
  running = controller
  downloadError.value = undefined
  let target: Target | undefined
  try {
    target = await openTarget(form)
    downloadedBytes.value = 0
    const body = { ...bodyOf(asked), format: form }
    const answer = await openAnswer('api/v1/stream', { method: 'POST', body, signal: controller.signal })
    let bytes = 0
    for await (const chunk of answer.body!) {
      await target.write(chunk)
      bytes += chunk.length
      downloadedBytes.value = bytes
    }
    await target.close()
    announce(`${formatBytes(bytes)} have been saved.`)
  } catch (thrown) {
    controller.abort()
    await target?.abort().catch(() => {})
    if (!isAborted(thrown)) downloadError.value = downloadErrorOf(thrown)
  } finally {
    if (running === controller) downloadedBytes.value = undefined
  }
}

/** Ends the download. */
export function cancelDownload(): void {
  running?.abort()
}

function downloadErrorOf(thrown: unknown): ApiError {
  // What fetch throws when a connection ends early.
  return thrown instanceof TypeError
    ? new Failure('The download broke off: no file has been saved.')
    : apiErrorOf(thrown)
}

async function openTarget(form: DownloadForm): Promise<Target> {
  const { extension, type, about } = forms[form]
  const name = `result.${extension}`
  const pick = picker()
  if (pick) {
    const types = [{ description: about, accept: { [type]: [`.${extension}`] } }]
    return await (await pick({ suggestedName: name, types })).createWritable()
  }
  return new HeldFile(name, type)
}

/** A file that is held in memory until it is complete. */
class HeldFile implements Target {
  readonly #name: string
  readonly #type: string
  #parts: Uint8Array<ArrayBuffer>[] = []
  #bytes = 0

  constructor(name: string, type: string) {
    this.#name = name
    this.#type = type
  }

  async write(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    this.#bytes += bytes.length
    if (this.#bytes > MAX_HELD_BYTES)
      throw new Failure(
        `The result is above ${formatBytes(MAX_HELD_BYTES)}, the most that this browser can hold: use the API, or a LIMIT.`,
      )
    this.#parts.push(bytes)
  }

  async close(): Promise<void> {
    const url = URL.createObjectURL(new Blob(this.#parts, { type: this.#type }))
    const link = document.createElement('a')
    link.href = url
    link.download = this.#name
    link.click()
    // The browser has begun to save it; the memory is freed once it is done.
    setTimeout(() => URL.revokeObjectURL(url), 60_000)
  }

  async abort(): Promise<void> {
    this.#parts = []
  }
}
