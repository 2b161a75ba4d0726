/** Ends the process quietly once the reader of its output has left, as with `| head`, instead of with a stack trace. */
export function endWithoutReader(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    process.exit()
  })
}
