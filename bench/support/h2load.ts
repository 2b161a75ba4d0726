import { execFileSync } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'

/** How h2load sends its requests. */
export interface LoadOptions {
  readonly calls: number
  readonly connections: number
  /** Requests of a connection at the same time. */
  readonly atOnce: number
  /** Folder for its log of requests. */
  readonly folder: string
}

/** What h2load measured. */
export interface Load {
  readonly p50Ms: number
  readonly p99Ms: number
  /** From the first request to the last answer. */
  readonly seconds: number
  /** Bytes of DATA frames. */
  readonly bytes: number
}

/** Sends the same request again and again. @throws Error if a request fails */
export function h2load(args: readonly string[], { calls, connections, atOnce, folder }: LoadOptions): Load {
  const log = join(folder, 'requests.log')
  rmSync(log, { force: true })
  const fixed = ['-n', calls, '-c', connections, '-m', atOnce, '-w', 24, '-W', 24, `--log-file=${log}`].map(String)
  const report = execFileSync('h2load', [...fixed, ...args], { encoding: 'utf8', timeout: 300_000 })
  if (Number(/(\d+) succeeded/.exec(report)?.[1]) !== calls) throw new Error(report)
  // A line has the start in microseconds of Unix time, the status and the duration in microseconds.
  const requests = readFileSync(log, 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.split('\t').map(Number))
  const times = requests.map(([, , us]) => us! / 1000).sort((a, b) => a - b)
  const first = requests.reduce((least, [at]) => Math.min(least, at!), Number.POSITIVE_INFINITY)
  const last = requests.reduce((most, [at, , us]) => Math.max(most, at! + us!), 0)
  return {
    p50Ms: times[times.length >> 1]!,
    p99Ms: times[Math.floor(times.length * 0.99)]!,
    seconds: (last - first) / 1e6,
    bytes: Number(/\((\d+)\) data/.exec(report)![1]),
  }
}

/** Arguments of h2load for a call of Flight. @param file with the body of the request */
export function flightCall(address: string, method: string, file: string): string[] {
  const headers = ['-H', 'content-type: application/grpc', '-H', 'te: trailers']
  return [...headers, '-d', file, `http://${address}/arrow.flight.protocol.FlightService/${method}`]
}
