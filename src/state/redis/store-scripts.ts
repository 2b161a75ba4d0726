import { redisScript } from './redis-connection.ts'

/** A counter is stored with a checksum, as `NUMBER:CHECKSUM`. Lua's numbers are exact up to 2^53. */
const counter = `
local function sumOf(n) return string.sub(redis.sha1hex(KEYS[1] .. ':' .. n), 1, 8) end
`

const members = `
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local isCorrupt = 0
local kind = redis.call('TYPE', KEYS[1]).ok
if kind ~= 'zset' and kind ~= 'none' then
  redis.call('UNLINK', KEYS[1])
  isCorrupt = 1
end
`

export const storeScripts = {
  /** KEYS: counter. ARGV: by, ttlMs. Returns the new value, and whether the old one was corrupt (1) and so counted as 0. */
  increment: redisScript(`${counter}
local by = tonumber(ARGV[1])
local raw, count, isKept, isCorrupt = redis.pcall('GET', KEYS[1]), 0, false, 0
if type(raw) == 'table' then isCorrupt = 1
elseif raw then
  local n, sum = string.match(raw, '^(-?%d+):(%x+)$')
  if n and sum == sumOf(n) then
    count, isKept = tonumber(n), true
  else isCorrupt = 1 end
end
count = count + by
local text = string.format('%.0f', count)
if isCorrupt == 1 then redis.call('UNLINK', KEYS[1]) end
if by ~= 0 then
  if isKept then redis.call('SET', KEYS[1], text .. ':' .. sumOf(text), 'KEEPTTL')
  else redis.call('SET', KEYS[1], text .. ':' .. sumOf(text), 'PX', ARGV[2]) end
end
return { text, isCorrupt }`),

  /** KEYS: set, sorted by expiry in microseconds. ARGV: member, ttlMs, max. Returns whether it was added, and whether the set was corrupt. */
  addMember: redisScript(`${members}
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) and redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[3]) then return { 0, isCorrupt } end
redis.call('ZADD', KEYS[1], string.format('%.0f', now + ARGV[2] * 1000), ARGV[1])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return { 1, isCorrupt }`),

  /** KEYS: set. ARGV: max. Returns the members that have not expired, after whether the set was corrupt. */
  members: redisScript(`${members}
local found = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. string.format('%.0f', now), '+inf', 'LIMIT', 0, ARGV[1])
table.insert(found, 1, tostring(isCorrupt))
return found`),
} as const
