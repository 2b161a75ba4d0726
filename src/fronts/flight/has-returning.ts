/** Whether a statement that changes data may give rows: they come back from RETURNING. */
export function hasReturning(sql: string): boolean {
  return /\bRETURNING\b/i.test(sql)
}
