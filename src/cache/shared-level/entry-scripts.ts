import { redisScript } from '../../state/redis/redis-connection.ts'
import { ORDER_DIGITS, VERSION_LENGTH } from './entry-head.ts'

/** Parts of a head without its rows; `redis.pcall`, since another client may have stored another type. */
const parts = `
local function part(name, from, to)
  local text = redis.pcall('GETRANGE', name, from, to)
  return type(text) == 'string' and text or ''
end
local function orderOf(name) return part(name, 0, ${ORDER_DIGITS - 1}) end
local function versionOf(name) return part(name, ${ORDER_DIGITS}, ${ORDER_DIGITS + VERSION_LENGTH - 1}) end
`

export const entryScripts = {
  /** KEYS: head, lease. ARGV: lease, leaseMs, version of the head that the caller has seen. Returns whether the lease is the caller's, and the time in microseconds. */
  lead: redisScript(`${parts}
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000000 + time[2])
if versionOf(KEYS[1]) ~= ARGV[3] then return { 0, now } end
return { redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2], 'NX') and 1 or 0, now }`),

  /** KEYS: lease, followers. ARGV: version, leaseMs. Returns whether the lease is still the caller's, and whether others follow. */
  renew: redisScript(`${parts}
if versionOf(KEYS[1]) ~= ARGV[1] then return { 0, 0 } end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return { 1, redis.call('EXISTS', KEYS[2]) }`),

  /** KEYS: head, lease. ARGV: head, ttlMs, version. Stores a head unless a later run has stored one, and ends the lease. */
  finish: redisScript(`${parts}
local isLatest = orderOf(KEYS[1]) <= string.sub(ARGV[1], 1, ${ORDER_DIGITS})
if isLatest then redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) end
if versionOf(KEYS[2]) == ARGV[3] then redis.call('UNLINK', KEYS[2]) end
return isLatest and 1 or 0`),

  /** KEYS: head or lease. ARGV: version. Removes it if it has this version. */
  remove: redisScript(`${parts}
if versionOf(KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('UNLINK', KEYS[1])`),
} as const
