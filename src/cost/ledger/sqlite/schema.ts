/** Version of the tables, in `user_version` of the file. */
export const SCHEMA_VERSION = 1

/**
 * Tables of the ledger. `statements.state`: see `State`. `spans` holds the sums of an account in a day or month; `usage` the figures
 * of statements that have cost something, with an empty `grp` for all and one row for each group.
 */
export const SCHEMA = `
CREATE TABLE IF NOT EXISTS statements (
  id TEXT PRIMARY KEY, source TEXT NOT NULL, principal TEXT NOT NULL, groups TEXT NOT NULL, hash TEXT NOT NULL, text TEXT,
  day TEXT NOT NULL, state INTEGER NOT NULL, nano INTEGER NOT NULL, bytes INTEGER NOT NULL,
  at INTEGER NOT NULL, expires_at INTEGER NOT NULL, project TEXT, location TEXT, job_id TEXT,
  spent INTEGER NOT NULL DEFAULT 0, billed INTEGER NOT NULL DEFAULT 0, slot_ms INTEGER NOT NULL DEFAULT 0,
  cache_hit INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
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
  PRIMARY KEY (day, source, principal, grp)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS marks (name TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;
`

/** States of `statements.state`. */
export const State = { reserved: 0, submitted: 1, settled: 2, released: 3, expired: 4 } as const
