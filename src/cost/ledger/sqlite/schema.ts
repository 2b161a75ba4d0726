/** Version of the tables, in `user_version` of the file. */
export const SCHEMA_VERSION = 2

/**
 * Tables of the ledger. `statements.state`: see `State`. `spans` holds the sums of an account in a day or month; `usage` the figures
 * of statements that have cost something, with an empty `grp` for all and one row for each group. `labels` holds those that a day
 * keeps apart.
 */
const SCHEMA = `
CREATE TABLE IF NOT EXISTS statements (
  id TEXT PRIMARY KEY, source TEXT NOT NULL, principal TEXT NOT NULL, groups TEXT NOT NULL, hash TEXT NOT NULL, text TEXT,
  day TEXT NOT NULL, state INTEGER NOT NULL, nano INTEGER NOT NULL, bytes INTEGER NOT NULL,
  at INTEGER NOT NULL, expires_at INTEGER NOT NULL, project TEXT, location TEXT, job_id TEXT,
  spent INTEGER NOT NULL DEFAULT 0, billed INTEGER NOT NULL DEFAULT 0, slot_ms INTEGER NOT NULL DEFAULT 0,
  cache_hit INTEGER NOT NULL DEFAULT 0, label TEXT NOT NULL DEFAULT '') WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS statements_held ON statements (expires_at) WHERE state <= 1;
CREATE INDEX IF NOT EXISTS statements_open ON statements (at) WHERE state IN (1, 4) AND job_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS statements_day ON statements (day);
CREATE TABLE IF NOT EXISTS spans (
  account TEXT NOT NULL, span TEXT NOT NULL, spent INTEGER NOT NULL DEFAULT 0, reserved INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (account, span)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS usage (
  day TEXT NOT NULL, source TEXT NOT NULL, principal TEXT NOT NULL, grp TEXT NOT NULL,
  statements INTEGER NOT NULL DEFAULT 0, nano INTEGER NOT NULL DEFAULT 0, billed INTEGER NOT NULL DEFAULT 0,
  slot_ms INTEGER NOT NULL DEFAULT 0, cache_hits INTEGER NOT NULL DEFAULT 0,
  label TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (day, source, principal, grp, label)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS labels (
  day TEXT NOT NULL, principal TEXT NOT NULL, label TEXT NOT NULL, PRIMARY KEY (day, principal, label)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS marks (name TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;
`

/**
 * Creates the tables, or brings those of an older version up to date.
 * @param version `user_version` of the file; 0 for a new one
 */
export function migrationFrom(version: number): string {
  const isWithoutLabels = version === 1
  const before = `
ALTER TABLE statements ADD COLUMN label TEXT NOT NULL DEFAULT '';
ALTER TABLE usage RENAME TO usage_without_labels;`
  const after = `
INSERT INTO usage (day, source, principal, grp, statements, nano, billed, slot_ms, cache_hits)
  SELECT day, source, principal, grp, statements, nano, billed, slot_ms, cache_hits FROM usage_without_labels;
DROP TABLE usage_without_labels;`
  return `${isWithoutLabels ? before : ''}${SCHEMA}${isWithoutLabels ? after : ''}; PRAGMA user_version = ${SCHEMA_VERSION}`
}

/** States of `statements.state`. */
export const State = { reserved: 0, submitted: 1, settled: 2, released: 3, expired: 4 } as const
