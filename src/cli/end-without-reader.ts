/** Ends the process quietly once nobody reads its output, as with `| head`, instead of with a stack trace. */
export function endWithoutReader(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    process.exit()
  })
}
