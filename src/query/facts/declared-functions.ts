/**
 * Functions of a source that its operator has declared: the same arguments give the same rows, and nothing changes. In upper case,
 * by their last name or by their whole name with points.
 */
export type DeclaredFunctions = ReadonlySet<string>

/** Whether the operator has declared a function. @param call its name as a statement has it, in upper case, with points */
export function isDeclared(call: string, declared: DeclaredFunctions): boolean {
  return declared.has(call) || declared.has(call.slice(call.lastIndexOf('.') + 1))
}
