const MASK = '***'

/** Words after which nothing of a statement is shown. `SECRET` is one where a statement creates or changes something. */
const cutAfter = /\b(?:attach|identified|add_parquet_key|aes_(?:en|de)crypt)\b/i
const creates = /\b(?:create|alter|replace)\b/i
const secretWord = /\bsecret\b/i

/** The end of a name that stands for a secret, such as `s3_secret_access_key`. */
const sensitive =
  /(?:password|passwd|pwd|passphrase|secret|token|credential|authorization|api_?key|access_?key|private_?key|key_?id|signature)[\w$-]*|\b(?:sig|sas)\b/gi
/** Between such a name and its value. */
const separator =
  /["'`\]]?\s{0,20}(?:=>|:=|:|=|<>|!=|\b(?:not\s{1,20})?(?:in|like|ilike)\b)\s{0,20}|\s{1,20}(?=['"$])|(?=')/isy
/** A value in quotes, up to the end of the text if it is not closed, or without quotes. */
const value =
  /(?:[a-z]{1,2}&?)?(?:'''.*?(?:'''|$)|""".*?(?:"""|$)|'(?:\\.|''|[^'\\])*(?:'|$)|"(?:\\.|""|[^"\\])*(?:"|$))|\$(\w*)\$.*?(?:\$\1\$|$)|[^\s()'"]+/isy
/** What joins a value to the next one. */
const joint = /\s{0,20}(?:\|\||\+)\s{0,20}|\s{1,20}(?=['"])/y
/** The begin of an authority in a URL, and what ends all of it. */
const authority = /:\/\//g
const authorityEnd = /[\s'"]|$/g

/**
 * Masks what may be a secret in the text of a statement, for the audit log: all after ATTACH, IDENTIFIED and the name of a secret that
 * is created, the values of names such as `password` or `token`, and the user of a URL. In doubt it masks more. Linear in the text.
 */
export function maskSecrets(sql: string): string {
  return withoutUsers(maskedValues(withoutTail(sql)))
}

/** Masks user and password of each URL, up to the last `@` of its text. */
function withoutUsers(sql: string): string {
  const pieces: string[] = []
  let from = 0
  authority.lastIndex = 0
  while (authority.test(sql)) {
    const start = authority.lastIndex
    authorityEnd.lastIndex = start
    const end = authorityEnd.exec(sql)!.index
    const at = sql.slice(start, end).lastIndexOf('@')
    if (at > 0) {
      pieces.push(sql.slice(from, start), MASK)
      from = start + at
    }
    authority.lastIndex = end
  }
  return pieces.length === 0 ? sql : pieces.join('') + sql.slice(from)
}

/** Cuts the text after the first word that a secret may follow in any form. */
function withoutTail(sql: string): string {
  const cut = cutAfter.exec(sql)
  const created = creates.exec(sql)
  const createdEnd = created ? created.index + created[0].length : sql.length
  const secret = secretWord.exec(sql.slice(createdEnd))
  const ends = [
    ...(cut ? [cut.index + cut[0].length] : []),
    ...(secret ? [createdEnd + secret.index + secret[0].length] : []),
  ]
  return ends.length === 0 ? sql : `${sql.slice(0, Math.min(...ends))} ${MASK}`
}

function maskedValues(sql: string): string {
  const pieces: string[] = []
  let from = 0
  sensitive.lastIndex = 0
  while (sensitive.test(sql)) {
    const start = endOf(separator, sql, sensitive.lastIndex)
    if (start === undefined) continue
    // What a call or a list holds is not read: all of the rest is left out.
    const end = sql[start] === '(' ? sql.length : valueEnd(sql, start)
    if (end === undefined) continue
    pieces.push(sql.slice(from, start), MASK)
    from = sql[end] === '(' ? sql.length : end
    sensitive.lastIndex = from
  }
  return pieces.length === 0 ? sql : pieces.join('') + sql.slice(from)
}

/** The end of a value and of all that are joined to it; undefined if there is none. */
function valueEnd(sql: string, start: number): number | undefined {
  let end = endOf(value, sql, start)
  while (end !== undefined) {
    const next = endOf(joint, sql, end)
    const further = next === undefined ? undefined : endOf(value, sql, next)
    if (further === undefined) return end
    end = further
  }
  return undefined
}

/** The end of what a sticky pattern matches at a place. */
function endOf(pattern: RegExp, sql: string, at: number): number | undefined {
  pattern.lastIndex = at
  return pattern.test(sql) ? pattern.lastIndex : undefined
}
