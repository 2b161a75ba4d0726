import { serveStdio } from '@modelcontextprotocol/server/stdio'
import type { McpOptions } from './limits.ts'
import { createMcpServer } from './tools.ts'

/** Serves MCP on standard input and output until the host closes them. Nothing else may write to standard output. */
export function mcp(options: McpOptions): void {
  serveStdio(() => createMcpServer(options), {
    onerror: (error) => process.stderr.write(`mcp: ${error.message}\n`),
  })
}
