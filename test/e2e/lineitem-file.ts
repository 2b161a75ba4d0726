import { runPython } from './python.ts'

/** A DuckDB file with TPC-H lineitem at scale 1, generated once by tpchgen-cli. */
export async function lineitemFile(): Promise<string> {
  return (await runPython<{ path: string }>('lineitem_file.py', '1')).path
}
