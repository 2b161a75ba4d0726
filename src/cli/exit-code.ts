/** Exit codes of the process; `docs/operations.md` explains each. */
export const ExitCode = {
  ok: 0,
  failed: 1,
  usage: 2,
  callsCutOff: 3,
  refused: 4,
  differs: 5,
  needsRestart: 6,
  interrupted: 130,
} as const
