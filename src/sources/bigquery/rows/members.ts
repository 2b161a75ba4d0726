import { CLOSE_OBJECT, COLON, COMMA, type JsonCursor, malformed, OPEN_OBJECT, QUOTE } from './json-cursor.ts'

/**
 * Enters an object and stops before the value of the member whose name is one letter. Other members are skipped.
 * @returns false if the object lacks it; the object is then behind the cursor
 * @throws BadValue
 */
export function enterMember(cursor: JsonCursor, letter: number): boolean {
  const { bytes, at } = cursor
  // What BigQuery sends: no white space, and no other member.
  if (
    bytes[at] === OPEN_OBJECT &&
    bytes[at + 1] === QUOTE &&
    bytes[at + 2] === letter &&
    bytes[at + 3] === QUOTE &&
    bytes[at + 4] === COLON
  ) {
    cursor.at = at + 5
    return true
  }
  cursor.expect(OPEN_OBJECT)
  if (cursor.take(CLOSE_OBJECT)) return false
  do {
    cursor.key()
    if (cursor.isLetter(letter)) return true
    cursor.skip()
  } while (cursor.take(COMMA))
  cursor.expect(CLOSE_OBJECT)
  return false
}

/** Leaves the object that `enterMember` has entered. @throws BadValue, also if the member occurs twice */
export function leaveMember(cursor: JsonCursor, letter: number): void {
  if (cursor.bytes[cursor.at] === CLOSE_OBJECT) {
    cursor.at++
    return
  }
  while (cursor.take(COMMA)) {
    cursor.key()
    if (cursor.isLetter(letter)) throw malformed()
    cursor.skip()
  }
  cursor.expect(CLOSE_OBJECT)
}
