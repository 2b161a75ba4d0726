import { expect } from 'vitest'

/** What the steps of adbc_dbapi.py return. */
export const dbapiAnswers: Readonly<Record<string, unknown>> = {
  select: [['42', 'x']],
  parameters: [['42', 'x!']],
  untyped: [['7', 'None']],
  types: [['1.5', 'True', "b'ab'", '2024-01-02', '2024-01-02 03:04:05.000006', '1.25']],
  'no rows': [],
  insert: 1,
  executemany: 3000,
  'many rows of parameters': 2000,
  count: [['3001', '2999']],
  schema: expect.stringContaining('i: int32'),
  'parameter schema': expect.stringMatching(/int32[\s\S]*string/),
  // Microseconds: only JDBC clients get milliseconds.
  'parameter schema of times': '1: timestamp[us]\n2: timestamp[us, tz=Etc/UTC]\n3: time64[us]',
  syntax: expect.stringContaining('syntax error at or near "SELEC"'),
  missing: expect.stringContaining('missing does not exist'),
  'too few': expect.stringContaining('Values were not provided'),
  'still works': [['1']],
}
